"""Where a submission's code runs, apart from the process that judges it."""
