"""Pretrained models: readers that turn shipped weights into torch modules."""
