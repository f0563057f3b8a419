"""HyperWhisper: base Whisper and a hypernetwork-adapted Whisper on one recording, side by side."""
