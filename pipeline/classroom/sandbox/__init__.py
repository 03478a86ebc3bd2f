"""Run a submission's code apart from the process that grades it."""
