"""A home in which nobody can write: the command line needs none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from served import ROOT

from hyper.model.files import BUNDLED_FOLDER


@pytest.mark.skipif(not os.path.isdir("/sys"), reason="there is no folder here that even an administrator cannot fill")
def test_comparing_needs_no_home() -> None:
    if not (BUNDLED_FOLDER / "model.safetensors").is_file():
        pytest.skip("the bundled pair is not here")
    environment = os.environ | {"HOME": "/sys", "HF_HOME": "/sys/missing", "XDG_CACHE_HOME": "/sys/cache"}
    command = [sys.executable, "-m", "hyper", "compare", "examples/typical_1.wav"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set a timer for seventeen seconds" in done.stdout
