"""The presenter's mode, `python app.py --present`: full screen, by keyboard, computed before the first slide."""
