"""Training: the base model from scratch, its alignment of real speech, and the hypernetwork on top of it."""
