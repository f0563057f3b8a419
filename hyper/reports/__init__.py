"""Many recordings as a table, a page and a print."""
