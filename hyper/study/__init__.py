"""What the project claims, measured: methods, experiments, scorecard."""
