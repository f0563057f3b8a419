"""The base model from scratch, and its alignment of real speech."""
