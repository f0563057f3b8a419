"""Steps that run in the page itself, as JavaScript: without a question to the server nothing can come late."""

from __future__ import annotations

import json

SHOW_RESULTS = (
    "() => document.getElementById('hw-results')"
    ".scrollIntoView({behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'})"
)
SAVE_FILE = "() => setTimeout(() => document.getElementById('%s').click(), 100)"  # once the button has its new file
OPEN_AND_COMPARE = """() => {
  document.querySelector('#hw-tabs [role=tab]').click();
  document.getElementById('hw-compare').click();
}"""


def sets(*values: object) -> str:
    """Gives each output its value or update. Old results cleared by the server could take new ones with them, where
    the answer comes after a quick press of the button."""
    return f"() => {json.dumps(values)}"
