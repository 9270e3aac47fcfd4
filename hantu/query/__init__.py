"""The query language: expression tree, LogQuery, parser, matching."""
