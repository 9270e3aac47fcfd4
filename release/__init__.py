"""Makes what people download: dist/hantu, dist/hantu-standalone and the wheel."""
