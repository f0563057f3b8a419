"""Synthetic speech: texts, synthesisers and speakers, written to a manifest."""
