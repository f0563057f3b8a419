"""One recording or many, transcribed by base and adapted Whisper, judged and counted."""
