"""The alternatives to a hypernetwork, trained on the same data with the same loop, and one table of them all."""
