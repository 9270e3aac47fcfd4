"""Log stores behind one protocol; open_store() is the one place that chooses."""
