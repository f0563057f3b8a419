"""Nine research questions: arms trained like the methods, tables, figures, and the page of results."""
