"""Every command is one file of one shape: arguments that cost nothing, and one call into the package that works."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hyper.__main__ import COMMANDS, module_of

ROOT = Path(__file__).parent.parent
CHEAP = {
    "__future__",
    "argparse",
    "json",
    "pathlib",
    "hyper.commands.arguments",
    "hyper.model.config",
    "hyper.recordings.limits",
}
LONGEST_RUN = 25  # lines


def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / f"{module_of(name).replace('.', '/')}.py").read_text())


def functions(name: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in parsed(name).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", COMMANDS)
def test_importing_a_command_imports_next_to_nothing(name: str) -> None:
    imported = set()
    for node in parsed(name).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        else:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert is_text or isinstance(node, (ast.FunctionDef, ast.Assign)), f"{name} does more than hold arguments"
    assert imported <= CHEAP


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_its_arguments_and_one_run(name: str) -> None:
    first, last, *others = sorted(functions(name), key=lambda each: each.startswith("_"))
    assert (first, last) == ("add_arguments", "run")
    source = ast.unparse(functions(name)["add_arguments"])
    assert all(f"type={other}" in source for other in others)  # what reads an argument's text


@pytest.mark.parametrize("name", COMMANDS)
def test_run_is_one_block_of_imports_and_few_lines(name: str) -> None:
    run = functions(name)["run"]
    duty, *body = run.body
    assert isinstance(duty, ast.Expr) and isinstance(duty.value, ast.Constant), "it says what it does"
    is_import = [isinstance(node, (ast.Import, ast.ImportFrom)) for node in body]
    assert is_import == sorted(is_import, reverse=True), "imports come first"
    nested = [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.ImportFrom)]
    assert len(nested) == sum(is_import) and any(is_import), "and nowhere else"
    assert run.end_lineno - run.lineno < LONGEST_RUN
    assert [argument.arg for argument in run.args.args] == ["args"]
    assert ast.unparse(run.returns) == "None", "what goes wrong is raised, so there is no exit code to give"
