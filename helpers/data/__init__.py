"""Data of the chapters: assets from package registries, and their readers."""
