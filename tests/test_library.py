"""HyperWhisper as a library: what programs import, and a wheel that works away from the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hyper

ROOT = Path(__file__).parent.parent
DISTRIBUTION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Runs where nothing of the checkout can be imported.
FROM_THE_WHEEL = """
import sys
import hyper
heavy = {"torch", "transformers", "gradio", "numpy"} & sys.modules.keys()
assert not heavy, heavy
extras = set("gradio jinja2 plotly matplotlib librosa fpdf accelerate sklearn peft ray".split())
sys.modules.update(dict.fromkeys(extras))  # importing any of them is an error, as where they are not installed
from hyper import PersonalizedAsr, export_adapter, load_audio, read_manifest, score_manifest
from hyper.model.files import ASSETS
examples, out = sys.argv[1:]
rows = read_manifest(examples + "/manifest.csv")[:2]
asr = PersonalizedAsr.load(device="cpu")
comparison = asr.compare(rows[0].path, rows[0].reference)
pairs = asr.transcribe_pairs([load_audio(row.path) for row in rows])
export_adapter(asr.backbone, comparison, out)
evaluation = score_manifest(asr, rows)
assert pairs[0].adapted.text == comparison.adapted.text, pairs[0]
assert evaluation.utterances[0].adapted.errors == comparison.adapted.errors
assert asr.calibration is not None and (ASSETS / "style.css").is_file()
for name in ("accelerate", "matplotlib", "plotly"):  # the extra "train"
    del sys.modules[name]
import hyper.commands.train, hyper.training.adaptation.train_hypernet
print(hyper.__file__, asr.hypernetwork, len(comparison.adapted.text), evaluation.n_done, sep="\\n")
"""


def test_what_programs_use_is_there_by_name():
    from hyper.compare.pipeline import PersonalizedAsr

    assert hyper.PersonalizedAsr is PersonalizedAsr
    assert set(hyper.__all__) == set(hyper._PLACES)
    assert all(callable(getattr(hyper, name)) for name in hyper.__all__)


def test_another_name_is_refused_with_those_that_are_there():
    with pytest.raises(AttributeError, match="hyper has no 'Transcriber'; it offers PersonalizedAsr, export_adapter"):
        _ = hyper.Transcriber


def test_the_wheel_needs_what_the_space_needs():
    extras = DISTRIBUTION["optional-dependencies"]
    declared = {*DISTRIBUTION["dependencies"], *extras["app"], *extras["train"], *extras["study"]}
    other = {line for line in declared if re.match(r"peft|hyperwhisper", line)}
    needed = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if line[:1] not in ("", "#")}
    assert declared - other == needed


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel was installed into, built from a copy of what is tracked, without a network."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("hyper", "assets"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    for command in (["wheel", *offline, "--wheel-dir", source, source], ["install", *offline, "--target", target]):
        wheels = list(source.glob("*.whl"))
        subprocess.run([*pip, *command, *wheels], check=True, cwd=source)
    return target


def test_an_installed_wheel_works_away_from_the_checkout(installed, tmp_path):
    command = [sys.executable, "-c", FROM_THE_WHEEL, ROOT / "examples", tmp_path / "adapter"]
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    place, hypernetwork, n_letters, n_done = done.stdout.split()
    assert Path(place).is_relative_to(installed)
    assert (hypernetwork, n_done) == ("hypernet-mini", "2") and int(n_letters) > 0
    assert (tmp_path / "adapter" / "adapter_config.json").is_file()


def test_the_wheel_holds_what_runs_and_not_what_was_studied(installed):
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hyper").rglob("*") if path.is_file()}
    assert {name for name in code if "__pycache__" not in name} <= files
    assert {"hyper/assets/SHA256SUMS", "hyper/assets/hypernet-mini/voice_map.safetensors"} <= files
    assert not {name for name in files if "results/" in name or name.endswith((".png", ".pdf"))}
    assert not {name.split("/")[0] for name in files} - {"hyper", f"hyperwhisper-{DISTRIBUTION['version']}.dist-info"}
