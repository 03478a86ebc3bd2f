"""Executing notebooks: what is current stays, the rest runs, here or elsewhere."""
