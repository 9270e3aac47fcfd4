"""Moving a folder of logs to the log library: backup, clearing, checks, and the way back.

Standard library only: `python -m hantu.client.migration` works where the service is not installed."""
