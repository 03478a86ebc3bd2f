"""Execute the notebooks whose copies are not current, here or on a cluster."""
