"""The modes of the page and its views on demand: a file for each, its handlers and its HTML beside it."""
