"""The inbox of errors as the page, the API and the commands share it: its question in words, the acts on a
group, and its JSON."""
