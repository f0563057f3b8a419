"""Imports point down, each outside library has its doors, and every file says its duty."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "hyper").rglob("*.py"))

# A package imports only from packages above it in this list. Imports for type checkers count too.
PACKAGES = [
    "recordings",
    "metrics",
    "model",
    "compare",
    "plots",
    "reports",
    "simulate",
    "speech",
    "training",
    "study",
    "ui",
    "commands",
    "__main__",
]

# Outside library: the packages, or files of them, that may import it.
DOORS = {
    "gradio": {"ui"},
    "starlette": {"ui"},
    "spaces": {"ui"},
    "transformers": {"model.backbone", "metrics.normalize", "training"},
    "huggingface_hub": {"model.files"},
    "psutil": {"model.info", "ui.visitors.folder"},
    "tokenizers": {"training.base"},
    "safetensors": {"model", "compare.export", "compare.voice_map", "training"},
    "jiwer": {"metrics.word_errors"},
    "whisper_normalizer": {"metrics.normalize"},
    "plotly": {"plots"},
    "matplotlib": {"plots"},
    "soundfile": {"recordings.audio"},
    "soxr": {"recordings.resampling"},
    "av": {"recordings.libav"},
    "librosa": {"plots", "study.experiments"},
    "openpyxl": {"recordings.tables"},
    "fpdf": {"reports.pdf"},
    "jinja2": {"reports.templates"},
    "peft": {"commands.bench", "study.methods"},
    "accelerate": {"training", "commands.train"},
    "tqdm": {"recordings.parallel", "compare", "training", "study.scorecard"},
    "argparse": {"commands", "__main__"},
}


def module(file: Path) -> str:
    """The name under hyper, as "model.lora"; a package's own file has the package's name."""
    return ".".join(file.relative_to(ROOT / "hyper").with_suffix("").parts).removesuffix("__init__").rstrip(".")


def imports(file: Path) -> set[str]:
    """Every module that the file imports, wherever the statement stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively; write the whole name"
            names.add(node.module)
            if node.module == "hyper":
                names |= {f"hyper.{alias.name}" for alias in node.names}
    return names


def typing_only_imports(file: Path) -> set[str]:
    """Modules imported under `if TYPE_CHECKING:`, which bind nothing when the program runs."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            names |= {inner.module for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom)}
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down(file):
    own = module(file).split(".")[0]
    used = {name.split(".")[1] for name in imports(file) if name.startswith("hyper.")}
    upwards = {name for name in used - {own} if name in PACKAGES and PACKAGES.index(name) > PACKAGES.index(own)}
    assert not upwards, f"{own} imports {upwards}, which stand below it"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_outside_libraries_come_in_by_their_doors(file):
    libraries = {name.split(".")[0] for name in imports(file) - typing_only_imports(file)}
    name = module(file)
    for library in libraries & DOORS.keys():
        is_door = any(name == door or name.startswith(f"{door}.") for door in DOORS[library])
        assert is_door, f"{name} imports {library}, whose doors are {DOORS[library]}"
    assert not libraries & {"typer", "click", "requests"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_file_says_its_duty(file):
    duty = ast.get_docstring(ast.parse(file.read_text()))
    assert duty and duty.splitlines()[0].endswith("."), f"{file} needs a first line that says its duty"


def test_the_package_starts_without_heavy_libraries():
    assert not imports(ROOT / "hyper" / "__init__.py") - {"__future__"}
    for file in [ROOT / "hyper" / "__main__.py", *(ROOT / "hyper" / "commands").glob("*.py")]:
        at_start = {name.split(".")[0] for name in top_level_imports(file)}
        assert not at_start & {"torch", "transformers", "librosa", "gradio", "numpy"}, file


def top_level_imports(file: Path) -> set[str]:
    """Modules that importing the file imports."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names
