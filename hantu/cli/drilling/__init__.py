"""`hantu drill`: the parts of the sandbox in which everything may break."""
