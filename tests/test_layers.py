"""Imports point down, each outside library has its doors, and every file says its duty."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Set
from functools import cache
from graphlib import TopologicalSorter
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
    "",  # hyper itself, which offers to programs what lies in the packages
    "__main__",
]

# Outside library: the packages, or files of them, that may import it.
DOORS = {
    "gradio": {"ui"},
    "starlette": {"ui"},
    "uvicorn": {"ui.stage"},
    "spaces": {"ui"},
    "transformers": {
        "model.backbone",
        "model.loading",
        "model.languages",
        "model.shapes",
        "metrics.normalize",
        "training.base.small_whisper",
    },
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
    "librosa": {"recordings.sound", "study.experiments"},
    "sklearn": {"study.experiments.probes"},
    "openpyxl": {"recordings.tables", "recordings.xlsx"},
    "fpdf": {"reports.pages", "reports.pdf"},
    "jinja2": {"reports.templates"},
    "peft": {"compare.benchmark", "study.methods"},
    "ctranslate2": {"compare.faster_whisper"},
    "accelerate": {"training", "compare.shared"},
    "tqdm": {"recordings.parallel", "recordings.blocks", "compare", "training", "study"},
    "ray": {"recordings.blocks"},
    "bitsandbytes": {"model.quantized"},
    "argparse": {"commands", "__main__"},
}


def module(file: Path) -> str:
    """The name under hyper, as "model.lora"; a package's own file has the package's name."""
    return ".".join(file.relative_to(ROOT / "hyper").with_suffix("").parts).removesuffix("__init__").rstrip(".")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def imports(file: Path) -> set[str]:
    """Every module that the file imports, wherever the statement stands."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
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
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            names |= {inner.module for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom)}
    return names


def test_imports_point_down():
    upwards = []
    for file in FILES:
        own = module(file).split(".")[0]
        used = {name.split(".")[1] for name in imports(file) if name.startswith("hyper.")} & set(PACKAGES)
        upwards += [(module(file), name) for name in used if PACKAGES.index(name) > PACKAGES.index(own)]
    assert upwards == []


def test_no_file_imports_itself_by_way_of_others():
    files = {f"hyper.{module(file)}".rstrip("."): file for file in FILES}
    graph = {name: own_imports(file, files.keys()) - {name} for name, file in files.items()}
    TopologicalSorter(graph).prepare()  # a CycleError names the files of a circle


def own_imports(file: Path, modules: Set[str]) -> set[str]:
    """The modules among these that the file imports, in functions and for type checkers too."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:  # a file of the package, or what the package or file itself holds
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in modules else node.module)
    return names & modules


def test_outside_libraries_come_in_by_their_doors():
    doors = DOORS | dict.fromkeys(("typer", "click", "requests"), set())
    elsewhere = []
    for file in FILES:
        libraries = {name.split(".")[0] for name in imports(file) - typing_only_imports(file)} & doors.keys()
        ways = {library: [f"{door}." for door in doors[library]] for library in libraries}
        elsewhere += [(module(file), each) for each in ways if not f"{module(file)}.".startswith(tuple(ways[each]))]
    assert elsewhere == []


# Names of what lies inside transformers' Whisper, as attributes: `model.proj_out`, `model.model.decoder`.
WHISPERS_INSIDES = set(
    "model encoder decoder proj_out layers embed_tokens embed_positions conv1 conv2 fc1 fc2 self_attn encoder_attn "
    "layer_norm generation_config lang_to_id get_submodule named_modules named_parameters".split()
)
# The last two build one.
KNOW_WHISPER = {
    "model.backbone",
    "model.decoder",
    "model.layers",
    "model.loading",
    "model.passes",
    "model.quantized",
    "model.shapes",
    "training.base.small_whisper",
}


def insides_named(file: Path) -> list[str]:
    """Where the file reaches for a part of Whisper: an attribute of something called `model`, or of its attributes."""
    found = []
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Attribute) and node.attr in WHISPERS_INSIDES:
            owner = ast.unparse(node.value)
            if owner.split(".")[-1].split("(")[0] in {*WHISPERS_INSIDES, "peft_model", "whisper"}:
                found.append(f"line {node.lineno}: {owner}.{node.attr}")
    return found


def test_only_backbone_knows_whispers_insides():
    named = {module(file): insides_named(file) for file in FILES if module(file) not in KNOW_WHISPER}
    assert {name: found for name, found in named.items() if found} == {}


@pytest.mark.parametrize(
    "code",
    [
        "backbone.model.model.decoder(x)",
        "self.model.proj_out",
        "model.get_submodule(name)",
        "for x in model.encoder.layers: 0",
    ],
)
def test_reaching_into_whisper_is_noticed(code, tmp_path):
    (tmp_path / "file.py").write_text(code)
    assert insides_named(tmp_path / "file.py")


def test_each_file_says_its_duty():
    duties = {module(file): ast.get_docstring(tree(file)) or "" for file in FILES}
    assert [name for name, duty in duties.items() if not duty.partition("\n")[0].endswith(".")] == []


def test_the_list_of_files_is_the_one_that_is_there():
    page = runpy.run_path(str(ROOT / "docs" / "architecture.py"))["page"]()
    assert (ROOT / "docs" / "architecture.md").read_text() == page, "run `python docs/architecture.py`"


def test_the_package_starts_without_heavy_libraries():
    assert not top_level_imports(ROOT / "hyper" / "__init__.py") - {"__future__", "typing"}
    for file in [ROOT / "hyper" / "__main__.py", *(ROOT / "hyper" / "commands").glob("*.py")]:
        at_start = {name.split(".")[0] for name in top_level_imports(file)}
        assert not at_start & {"torch", "transformers", "librosa", "gradio", "numpy"}, file


def top_level_imports(file: Path) -> set[str]:
    """Modules that importing the file imports."""
    names: set[str] = set()
    for node in tree(file).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names
