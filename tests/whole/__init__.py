"""Tests of the whole book, which need what make book made, a browser or a cluster."""
