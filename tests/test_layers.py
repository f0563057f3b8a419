"""Imports point down, each outside library has its doors, and every file says its duty."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hyper.__main__ import COMMANDS

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "hyper").rglob("*.py"))

# A file imports only from rows above it in this list, or from files of its own folder.
ROWS = [
    {"tables"},
    {"config", "text", "audio", "lora", "manifest", "palette", "model_files", "parallel", "stopwatch", "statistics"},
    {"archive"},
    {"backbone", "matching", "embedding", "metrics", "subspace", "simulate", "voicing"},
    {"groups", "guards"},
    {"hypernet", "decoding", "dataset", "report", "speech", "confidence", "calibration"},
    {"checkpoint", "comparison", "prepared"},
    {"result_table", "scoring"},
    {"pipeline", "plots", "plots_training", "export"},
    {"training", "model_options", "plots_results", "plots_calibration", "speaker", "voice_map", "model_info", "sweep"},
    {"plots_layers"},
    {"plots_clinic", "plots_voice", "plots_strength"},
    {"clinic_report"},
    {"clinic_html", "clinic_pdf"},
    {"compare", "evaluate", "bench", "export_command", "speaker_command", "map_command"},
    {"ui"},
    {"scorecard", "calibrate_command", "plots_experiments"},
    {"methods"},
    {"experiments"},
    {"__main__"},
]

# Outside library: the files, or folders, that may import it.
DOORS = {
    "gradio": {"ui"},
    "spaces": {"ui"},
    "transformers": {"backbone", "text", "training"},  # the normaliser; building a model and tokenizer from scratch
    "huggingface_hub": {"model_files"},
    "psutil": {"model_info"},
    "tokenizers": {"training"},
    "safetensors": {"checkpoint", "backbone", "export", "training", "voice_map"},
    "jiwer": {"metrics"},
    "whisper_normalizer": {"text"},
    "plotly": {"plots", "plots_layers", "plots_strength", "plots_voice"},
    "matplotlib": {
        "plots",
        "plots_layers",
        "plots_training",
        "plots_results",
        "plots_calibration",
        "plots_clinic",
        "plots_strength",
        "plots_voice",
        "plots_experiments",
    },
    "soundfile": {"audio"},
    "soxr": {"audio"},
    "av": {"audio"},
    "librosa": {"plots", "experiments"},
    "openpyxl": {"tables"},
    "fpdf": {"clinic_pdf"},
    "peft": {"bench", "methods"},
    "accelerate": {"training"},
    "tqdm": {"scoring", "parallel", "training", "scorecard", "voice_map"},
}
PARSES_ARGUMENTS = {"hyper.__main__", "hyper.model_options", *(command.module for command in COMMANDS.values())}


def unit(file: Path) -> str:
    """The name a file has in ROWS: its folder under hyper/, or its own stem."""
    return file.relative_to(ROOT / "hyper").parts[0].removesuffix(".py")


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


def row(name: str) -> int:
    assert any(name in names for names in ROWS), f"{name} has no row yet"
    return next(i for i, names in enumerate(ROWS) if name in names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down(file):
    name = unit(file)
    if name == "__init__":
        return
    used = {module.split(".")[1] for module in imports(file) - typing_only_imports(file) if module.startswith("hyper.")}
    upwards = {other for other in used - {name} if row(other) >= row(name)}
    assert not upwards, f"{name} (row {row(name)}) imports {upwards}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_outside_libraries_come_in_by_their_doors(file):
    libraries = {module.split(".")[0] for module in imports(file) - typing_only_imports(file)}
    for library in libraries & DOORS.keys():
        assert unit(file) in DOORS[library], f"{file.name} imports {library}, whose doors are {DOORS[library]}"
    if "argparse" in libraries:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        assert module in PARSES_ARGUMENTS, f"{module} parses arguments, but is no command"
    assert not libraries & {"typer", "click", "requests"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_file_says_its_duty_in_the_code_and_in_the_readme(file):
    module = ast.parse(file.read_text())
    duty = ast.get_docstring(module)
    assert duty and duty.splitlines()[0].endswith("."), f"{file} needs a first line that says its duty"
    if len(module.body) > 1:  # an `__init__` that is only a docstring needs no line
        name = str(file.relative_to(ROOT / "hyper"))
        assert name in listed_in_readme(), f"the list of files in README.md lacks {name}"


def test_the_readme_lists_each_file_once_and_none_that_is_gone():
    listed = listed_in_readme()
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not (ROOT / "hyper" / name).is_file()] == []


def listed_in_readme() -> list[str]:
    return re.findall(r"^\| `([\w/]+\.py)` \| .+ \|$", (ROOT / "README.md").read_text(), re.M)


def test_the_package_starts_without_heavy_libraries():
    assert not imports(ROOT / "hyper" / "__init__.py") - {"__future__"}
    for name in ("__main__", "manifest", "model_options", "compare"):
        assert not imports(ROOT / "hyper" / f"{name}.py") & {"torch", "transformers", "librosa", "gradio"}
