"""The bundled pair on every held-out set."""
