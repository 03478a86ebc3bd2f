"""Tests in one process and without a kernel, in less than a minute: make check."""
