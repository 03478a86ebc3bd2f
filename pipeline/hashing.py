"""Hashes of contents."""

import hashlib


def sha(data):
    """Return the SHA-256 hash of bytes as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()
