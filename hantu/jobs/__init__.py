"""Executions as people and programs ask for them: the words of URL and API, the bodies of requests, the
JSON of answers; the same for the page, the API and the commands."""
