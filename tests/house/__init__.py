"""Tests that run commands on a small book of their own."""
