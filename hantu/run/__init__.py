"""`hantu run -- COMMAND`: a program as a run of the desk. Standard library only, and it starts at once."""
