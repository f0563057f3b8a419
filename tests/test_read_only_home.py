"""A home in which nobody can write: neither the command line nor the page needs one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import ROOT, files_in, free_port

from hyper.model.files import BUNDLED_FOLDER
from hyper.ui import home
from hyper.ui.port import ServerError
from hyper.ui.visitors.folder import open_folder
from tests.load import Visitor as ApiCaller

HOMELESS = {"HOME": "/sys", "HF_HOME": "/sys/missing", "XDG_CACHE_HOME": "/sys/cache", "XDG_CONFIG_HOME": "/sys/config"}
TOLD = "Nothing can be kept in the home folder, so the first plots after each start take some seconds longer."
needs_sys = pytest.mark.skipif(
    not os.path.isdir("/sys"), reason="there is no folder here that even an administrator cannot fill"
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Without what says where libraries keep things, and as it was afterwards."""
    for name in (home.FONTS, home.COMPILED, *home.KEPT_BELOW, "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield monkeypatch


@needs_sys
def test_the_page_needs_no_home_and_says_so_once(tmp_path: Path) -> None:
    if not (BUNDLED_FOLDER / "model.safetensors").is_file():
        pytest.skip("the bundled pair is not here")
    port, kept = free_port(), {home.FONTS, home.COMPILED}
    environment = {name: value for name, value in os.environ.items() if name not in kept} | HOMELESS
    app = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", str(port)],
        cwd="/sys",
        env=environment | {"GRADIO_TEMP_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert app.stdout.readline() == f"HyperWhisper is ready at http://127.0.0.1:{port}/\n"
        answer = ApiCaller(f"http://127.0.0.1:{port}/").compare(ROOT / "examples" / "typical_1.wav", "")
        assert "typical_1.wav" in {path.name for path in files_in(tmp_path)}  # deleted when the app is told to end
    finally:
        app.terminate()
        _, told = app.communicate(timeout=20)
    assert answer["base"] == "set a timer for seventeen seconds"
    assert told == f"{TOLD}\n"
    assert list(tmp_path.iterdir()) == []


@needs_sys
def test_what_would_be_kept_in_the_home_lies_in_the_starts_folder(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("HOME", "/sys")
    assert home.without_home(tmp_path) == TOLD
    assert os.environ[home.FONTS] == str(tmp_path / "fonts") and home.COMPILED not in os.environ
    environment.delenv(home.FONTS)
    spec = type("Spec", (), {"origin": "/sys/librosa/__init__.py"})
    environment.setattr(home, "find_spec", lambda _: spec)
    assert home.without_home(tmp_path) == TOLD and os.environ[home.COMPILED] == str(tmp_path / "compiled")


def test_a_home_that_can_be_written_stays_as_it_is(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("HOME", str(tmp_path))
    assert home.without_home(tmp_path) is None
    assert list(tmp_path.iterdir()) == [] and home.FONTS not in os.environ


def test_without_any_place_for_recordings_the_page_does_not_start(environment: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    environment.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(ServerError, match="cannot be made at any of the usual places .No usable .* GRADIO_TEMP_DIR"):
        open_folder()


def test_a_process_of_nobodys_name_has_a_folder(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234567")

    environment.setattr("getpass.getuser", nobody)
    environment.setattr(tempfile, "tempdir", str(tmp_path))
    environment.setattr("atexit.register", lambda *_, **__: None)
    assert open_folder().parent == tmp_path / f"hyperwhisper-{os.getuid()}"


@needs_sys
def test_comparing_needs_no_home() -> None:
    if not (BUNDLED_FOLDER / "model.safetensors").is_file():
        pytest.skip("the bundled pair is not here")
    environment = os.environ | HOMELESS
    command = [sys.executable, "-m", "hyper", "compare", "examples/typical_1.wav"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "set a timer for seventeen seconds" in done.stdout
