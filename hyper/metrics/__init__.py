"""Word errors between what was meant and what was heard, and how sure a rate is."""
