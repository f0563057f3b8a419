"""What comes in: audio files, archives, manifests and the tables beside them."""
