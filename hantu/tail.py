"""Following a store: the commit signal and the cursor loop behind every live view."""
