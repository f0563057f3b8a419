"""Writes the list of files in docs/architecture.md from the first line of each file's docstring.

python docs/architecture.py
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
START = "<!-- files: written by python docs/architecture.py -->\n"


def files_section() -> str:
    """A heading for each package and a line for each file in it, from the packages' and files' docstrings."""
    lines = []
    for package in packages():
        name = package.relative_to(ROOT).as_posix()
        lines += [f"\n### `{name}/`\n", duty(package / "__init__.py")]
        files = sorted(file for file in package.glob("*.py") if file.name != "__init__.py")
        lines += ["", "| file | duty |", "| --- | --- |"] if files else []  # templates are no Python files
        lines += [f"| `{file.name}` | {duty(file)} |" for file in files]
    return "\n".join(lines) + "\n"


def packages() -> list[Path]:
    """Every folder of hyper/ that holds Python files, in the order of their names."""
    return sorted({file.parent for file in (ROOT / "hyper").rglob("*.py")})


def duty(file: Path) -> str:
    """The first line of its docstring."""
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0].replace("|", "\\|")


def page() -> str:
    """The whole page with today's files; what stands above the list is written by hand."""
    by_hand, _, _ = PAGE.read_text(encoding="utf-8").partition(START)
    return by_hand + START + files_section()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
