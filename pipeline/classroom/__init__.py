"""Copies of the course for a class, and the grading of submissions."""
