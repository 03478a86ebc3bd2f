"""Readers that turn a shipped format into a model."""
