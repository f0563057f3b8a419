"""The command line: the help page, errors on one line, and each command on a real model."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyper.__main__ import COMMANDS, build_parser, main

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "librosa", "gradio", "matplotlib", "plotly", "pandas")


def hyper(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run `python -m hyper` as a user does."""
    command = [sys.executable, "-m", "hyper", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **options)


def test_help_lists_every_command_at_once():
    started = time.monotonic()
    result = hyper("--help")
    seconds = time.monotonic() - started
    assert result.returncode == 0
    for name, command in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(command.summary)}$", result.stdout, re.M)
    assert "examples:" in result.stdout
    assert seconds < 1.5


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_good_help_page_and_loads_nothing_heavy(name):
    code = (
        "import sys; from hyper.__main__ import main\n"
        f"try: main([{name!r}, '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print('LOADED', [heavy for heavy in {HEAVY!r} if heavy in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    page, loaded = result.stdout.split("LOADED ")
    assert loaded.strip() == "[]"
    assert f"python -m hyper {name}" in page.split("examples:")[1], "the page needs an example"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name):
    subparsers = next(action for action in build_parser(name)._actions if action.dest == "command")
    actions = subparsers.choices[name]._actions
    assert [action.dest for action in actions if not action.help] == []


def test_without_arguments_the_help_page_is_shown(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0 and "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["comparee"], "invalid choice: 'comparee'"),
        (["compare"], "the following arguments are required: FILE"),
        (["evaluate", "m.csv", "--limit", "0"], "argument --limit: 0 is not above zero"),
        (["evaluate", "m.csv", "--batch-size", "x"], "argument --batch-size: invalid"),
    ],
)
def test_usage_errors_take_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    complaint = capsys.readouterr().err
    assert end.value.code == 2
    assert complaint.count("\n") == 1 and words in complaint


def one_line_failure(capsys, arguments, words):
    assert main(list(map(str, arguments))) == 1
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1 and "Traceback" not in complaint
    assert complaint.startswith(f"hyper {arguments[0]}: ") and words in complaint


def test_manifest_errors_take_one_line(tmp_path, capsys):
    one_line_failure(capsys, ["evaluate", tmp_path / "none.csv"], "There is no manifest at")
    (tmp_path / "m.csv").write_text("file\na.wav\n")
    one_line_failure(capsys, ["evaluate", tmp_path / "m.csv", "--json", tmp_path], "must name a file")


def test_an_interrupt_is_no_traceback(tmp_path, capsys, monkeypatch):
    def interrupted(_path):
        raise KeyboardInterrupt

    monkeypatch.setattr("hyper.evaluate.read_manifest", interrupted)
    assert main(["evaluate", "m.csv"]) == 130
    assert capsys.readouterr().err == "hyper evaluate: interrupted\n"


def test_our_own_slips_keep_their_traceback(monkeypatch):
    def slip(_path):
        raise ValueError("shapes do not match")

    monkeypatch.setattr("hyper.evaluate.read_manifest", slip)
    with pytest.raises(ValueError, match="shapes do not match"):
        main(["evaluate", "m.csv"])


def test_readme_and_ci_run_the_same_test_command():
    readme = (ROOT / "README.md").read_text().splitlines()
    install = "pip install -r requirements.txt"
    assert [line for line in readme if line.endswith("&& python -m pytest")] == [
        f"{install} -r tests/requirements.txt && python -m pytest"
    ]
    assert f"{install} && python app.py" in readme
    ci = (ROOT / ".ci" / "run").read_text()
    assert (
        "test_command=$(grep '&& python -m pytest$' README.md)" in ci and 'bash -euo pipefail -c "$test_command"' in ci
    )
