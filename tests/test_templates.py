"""Every template escapes every value it is given, whatever the value and whichever branch is taken."""

from __future__ import annotations

import ast
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError
from jinja2.meta import find_undeclared_variables

from hyper.reports import templates as of_reports
from hyper.ui import templates as of_page

ATTACK = """'"></p><script>alert(1)</script><p onclick="alert(2)">{{7*7}} & """
TEMPLATES = [(made, name) for made in (of_reports.TEMPLATES, of_page.TEMPLATES) for name in made.list_templates()]
TEMPLATES = [(made, name) for made, name in TEMPLATES if name.endswith(of_reports.SUFFIX)]


class Hostile:
    """Any value of a template: its text attacks, all it holds is hostile too, and it is true or equal by chance."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def __getattr__(self, name: str) -> Hostile:
        if name.startswith("__"):  # above all __html__, by which a value says that it is safe
            raise AttributeError(name)
        return self

    def _itself(self, *_: object, **__: object) -> Hostile:
        return self

    __getitem__ = __call__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _itself
    __rtruediv__ = __abs__ = __round__ = __neg__ = _itself

    def _by_chance(self, *_: object) -> bool:
        return self._dice.random() < 0.5

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _by_chance
    __hash__ = object.__hash__

    def __iter__(self):
        return iter((self, self))

    def __len__(self) -> int:
        return self._dice.randrange(9)

    def __str__(self) -> str:
        return ATTACK

    def __format__(self, how: str) -> str:
        return ATTACK


class Obeyed(HTMLParser):
    """Tags and attributes that a browser would obey, and all text that it would show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.shown = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}
        self.shown += "".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.shown += data


def attacked(templates: Environment, name: str) -> list[Obeyed]:
    """What a template makes of hostile values alone, each time with other branches."""
    source = templates.loader.get_source(templates, name)[0]
    wanted = find_undeclared_variables(templates.parse(source)) - set(templates.globals)
    pages = []
    for seed in range(40):
        value = Hostile(random.Random(seed))
        pages.append(Obeyed(templates.get_template(name).render(dict.fromkeys(wanted, value))))
    return pages


def with_plain_files(templates: Environment, **settings: object) -> Environment:
    """The same templates; what a file holds is not encoded, so that it can attack too."""
    overlay = templates.overlay(**settings)
    overlay.filters = {**templates.filters, "data_url": lambda content, mime: str(content)}
    return overlay


@pytest.mark.parametrize(("templates", "name"), TEMPLATES, ids=[name for _, name in TEMPLATES])
def test_hostile_values_stay_text(templates, name):
    pages = attacked(with_plain_files(templates), name)
    for page in pages:
        assert "script" not in page.names and "onclick" not in page.names
        assert "49" not in page.shown
    unescaped = attacked(with_plain_files(templates, autoescape=False), name)
    is_found = [{"script", "onclick"} <= page.names for page in unescaped]
    assert any(is_found) == any(ATTACK in page.shown for page in pages)  # or the lines above prove nothing


def test_every_template_shows_something_hostile():
    attacks = {
        name
        for templates, name in TEMPLATES
        for page in attacked(with_plain_files(templates), name)
        if ATTACK in page.shown
    }
    without_values = {"look.html.jinja", "parts.html.jinja", "transcripts.html.jinja"}  # macros alone
    without_values |= {
        name for templates, name in TEMPLATES if "{{" not in templates.loader.get_source(templates, name)[0]
    }
    assert {name for _, name in TEMPLATES} - attacks == without_values


@pytest.mark.parametrize(("templates", "name"), TEMPLATES, ids=[name for _, name in TEMPLATES])
def test_no_template_calls_anything_safe(templates, name):
    source = templates.loader.get_source(templates, name)[0]
    assert not re.search(r"\|\s*safe\b|autoescape", source)
    assert not re.search(r"=\s*\{\{", source), "an attribute without quotes lets a value add another"


def test_a_missing_value_is_an_error():
    with pytest.raises(UndefinedError, match="'reading' is undefined"):
        of_page.render("phrase")


@pytest.mark.parametrize("package", ["ui", "reports"])
def test_markup_stands_in_templates_alone(package):
    for file in (Path(of_page.__file__).parents[2] / package).rglob("*.py"):
        strings = [n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant)]
        assert not [s for s in strings if isinstance(s, str) and re.search(r"</?[a-z][a-z0-9]*[ >]", s)], file
