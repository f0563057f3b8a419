"""What axe-core finds wrong with a page: findings that shut somebody out, none of which is excused."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
MORE_RULES = ("label-content-name-mismatch", "target-size")  # that axe leaves out unless they are asked for
EVERYTHING = {"rules": {rule: {"enabled": True} for rule in MORE_RULES}}


def shuts_out(page: Page, options: dict = EVERYTHING) -> list[str]:
    """Serious and critical findings: the rule, where, and what is there."""
    found = AXE.run(page, options={**options, "resultTypes": ["violations"]}).response["violations"]
    grave = (each for each in found if each["impact"] in ("serious", "critical"))
    return [f"{each['id']}: {node['target']} {node['html'][:200]}" for each in grave for node in each["nodes"]]
