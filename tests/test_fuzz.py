"""Damaged files and models, read in processes of their own: no crash, no stack trace, no hang, no flood of memory.

    python -m pytest tests/test_fuzz.py --fuzz-files 20000 --fuzz-models 5000

reads more of them, for a night.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hyper.model.checkpoint import save_hypernet
from tests import fuzz

ROOT = Path(__file__).parent.parent
GROUPS = {
    "plain": [kind for kind in fuzz.AUDIO if kind.startswith(("wav", "flac", "aiff", "caf", "w64", "nist"))],
    "lossy": ["mp3", "ogg", "opus", "aac"],
    "containers": ["m4a", "m4a8", "webm", "mka", "mov8", "avi"],
    "tables": list(fuzz.TABLES),
    "archives": list(fuzz.ARCHIVES),
}


@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory and time are set as Unix has them")
@pytest.mark.parametrize("group", GROUPS)
def test_whatever_comes_is_read_or_refused_in_a_sentence(group, tmp_path, request):
    kinds = GROUPS[group]
    n_kinds = sum(map(len, GROUPS.values()))
    each = -(-request.config.getoption("--fuzz-files") // n_kinds)
    arguments = [",".join(kinds), "0", str(each), str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, f"{(tmp_path / 'now').read_text()}: exit {run.returncode}\n{run.stderr[-2000:]}"
    found = json.loads(run.stdout.splitlines()[-1])
    print(group, found)
    assert found["wrong"] == []
    assert sum(found["outcomes"].values()) == each * len(kinds)
    assert found["outcomes"]["read"] > 0 and found["outcomes"]["refused"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory and time are set as Unix has them")
def test_a_damaged_model_is_refused_in_a_sentence_or_is_the_model(
    tmp_path, whisper_folder, backbone, make_hypernet, request
):
    save_hypernet(make_hypernet(backbone), tmp_path / "hypernet")
    n = request.config.getoption("--fuzz-models")
    arguments = [*map(str, (whisper_folder, tmp_path / "hypernet", 0, n, tmp_path))]
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_models", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0, f"{(tmp_path / 'now').read_text()}: exit {run.returncode}\n{run.stderr[-2000:]}"
    found = json.loads(run.stdout.splitlines()[-1])
    print(found)
    assert found["wrong"] == []
    assert sum(found["outcomes"].values()) == n
    assert all(found["outcomes"][each] > 0 for each in ("refused", "loaded", "changed"))


def test_a_number_always_means_the_same_file():
    kinds = [kind for group in GROUPS.values() for kind in group if kind != "ogg"]
    digests = "[hashlib.sha256(b''.join(fuzz.damaged(kind, i) for i in range(8))).hexdigest() for kind in kinds]"
    there = f"import hashlib, sys; from tests import fuzz; kinds = sys.argv[1:]; print(*{digests})"
    run = subprocess.run([sys.executable, "-c", there, *kinds], capture_output=True, text=True, cwd=ROOT, check=True)
    here = [hashlib.sha256(b"".join(fuzz.damaged(kind, i) for i in range(8))).hexdigest() for kind in kinds]
    assert dict(zip(kinds, run.stdout.split(), strict=True)) == dict(zip(kinds, here, strict=True))
    assert len(set(here)) == len(kinds) and fuzz.damaged("wav", 3) != fuzz.damaged("wav", 4)
