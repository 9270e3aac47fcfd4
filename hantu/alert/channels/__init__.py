"""Where alerts go: a module each."""
