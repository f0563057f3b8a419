"""One command, one pair: from recordings to a hypernetwork that is trained, calibrated, measured and described."""
