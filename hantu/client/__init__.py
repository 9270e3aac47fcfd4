"""The log library: `from hantu import get_logger`. Standard library only; docs/library.md."""
