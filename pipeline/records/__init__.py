"""What runs recorded: references for nbval, results that are kept, sweeps."""
