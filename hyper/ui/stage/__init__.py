"""The presenter's mode, `python app.py --present`: full screen, by keyboard, everything computed before the first slide."""
