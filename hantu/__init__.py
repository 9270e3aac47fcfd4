"""hantu: the log desk of one small server."""

__version__ = "0.1.0"
