"""Nine research questions: arms trained like the methods, figures, and answers that are written from the numbers."""
