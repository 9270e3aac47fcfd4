"""Bytes of a log → entries, pure: no I/O, no threads."""
