"""Who may sign in: names, passwords, the slow-down of guesses, and what can be done with accounts."""
