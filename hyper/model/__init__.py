"""Whisper, its hypernetwork, and the weights that one writes for the other."""
