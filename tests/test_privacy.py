"""A visit to every tab of the real app, and its stage, files and connections watched: nothing leaves or stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import httpx
import matplotlib.font_manager  # noqa: F401  makes the list of fonts in its cache now, so that the app finds it there
import numpy as np
import psutil
import pytest
import soundfile
from served import ROOT, files_in, free_port

from hyper.model.files import BUNDLED_FOLDER
from hyper.ui.tabs.reading_texts import READING_SETS
from tests.visitor import Visitor

NAME, MEANT, SAID, NOTE = "zorblattwik", "quetzalvik", "mirandovex", "pelikantor"  # words that stand nowhere else
LEAVING = {"leave"}  # the step that the page takes when the visitor goes
FETCHING = {"take_offer", "take_offer_1", "take_offer_2"}  # a model from the hub, for whoever presses the button
FONTS = matplotlib.get_cachedir()  # where matplotlib keeps its list of the machine's fonts
PATIENCE_SECONDS = 180


@dataclass
class Watch:
    """A running app and what was seen of it."""

    world: Path  # its home, temporary files and own folder, and nothing else
    traces: dict[str, bytes]  # what would tell of the visitor, by what it is
    stayed: list[Path] = field(default_factory=list)  # files, after the visitor had left
    connections: set[str] = field(default_factory=set)  # addresses of others
    opened: set[str] = field(default_factory=set)  # files to write, of the app and its children
    untaken: set[str] = field(default_factory=set)  # steps of the page that the visit left out

    @property
    def own(self) -> Path:
        return self.world / "own"

    def kept(self) -> list[Path]:
        """Files in the app's own folder: what the visitor sent, and what was made of it."""
        return files_in(self.own)

    @property
    def output(self) -> bytes:
        return (self.world / "output").read_bytes()

    def notes(self, kind: str) -> list:
        """What the app did to files ("open", "os.*") or the network ("socket.*")."""
        lines = map(json.loads, (self.world / "notes").read_text().splitlines())
        return [what for event, what in lines if event.startswith(kind)]

    def files(self) -> list[Path]:
        """All of the app's world."""
        folders = (self.own, self.world / "home", self.world / "tmp")
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    def sample(self, pid: int, has_ended: threading.Event) -> None:
        """Look at the app and its children again and again: C code tells Python nothing of what it opens."""
        app = psutil.Process(pid)
        while not has_ended.wait(0.2):
            for process in (app, *app.children(recursive=True)):
                try:
                    self.connections |= {each.raddr.ip for each in process.net_connections() if each.raddr}
                    self.opened |= {each.path for each in process.open_files() if each.mode != "r"}
                except psutil.Error:
                    continue  # it has just ended


def _begin(world: Path) -> tuple[Watch, list[Path]]:
    if not (BUNDLED_FOLDER / "model.safetensors").is_file() or not (ROOT / "examples" / "typical_1.wav").is_file():
        pytest.skip("the bundled pair or the examples are not here")
    for name in ("home", "tmp", "own", "sent"):
        (world / name).mkdir()
    recordings = [_recording(world / "sent" / f"{NAME}{i}.wav", i) for i in (1, 2, 3)]
    return Watch(world, _traces(recordings[0])), recordings


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """After one visit and the end of the app."""
    found, recordings = _begin(tmp_path_factory.mktemp("world"))
    with _app(found) as address, Visitor(address) as visitor:
        _visit(visitor, recordings, found)
        found.untaken = set(visitor.steps) - visitor.asked - LEAVING - FETCHING
    return found


def _recording(path: Path, seed: int) -> Path:
    """An example with a little noise, so that no other file holds its samples."""
    samples, rate = soundfile.read(ROOT / "examples" / "typical_1.wav", dtype="int16")
    noise = np.random.default_rng(seed).integers(-9, 10, samples.shape)
    soundfile.write(path, np.clip(samples + noise, -32768, 32767).astype(np.int16), rate)
    return path


def _traces(recording: Path) -> dict[str, bytes]:
    samples, _ = soundfile.read(recording, dtype="int16")
    some = samples[len(samples) // 2 :][:32]
    words = {word: word.encode() for word in (NAME, MEANT, SAID, NOTE)}
    return words | {"sound": some.tobytes(), "sound in floats": (some / np.float32(32768)).astype("f4").tobytes()}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """After one recording was presented, another was made live, and the stage's end."""
    found, recordings = _begin(tmp_path_factory.mktemp("stage"))
    recordings[0].with_suffix(".txt").write_text(MEANT)
    with _app(found, "--present", str(recordings[0])) as address, httpx.Client(base_url=address, timeout=60) as page:
        _wait(lambda: page.get("slides").json()["state"] == "ready")
        (slide,) = page.get("slides").json()["slides"]
        assert slide["meant"] == MEANT and page.get("sounds/0").content[:4] == b"RIFF"
        assert page.post("live", content=recordings[0].read_bytes()).json()["seconds"] == slide["seconds"]
        found.traces["transcript"] = " ".join(word["text"] for word in slide["base"]["words"]).encode()
    return found


@contextmanager
def _app(found: Watch, *arguments: str) -> Iterator[str]:
    """The app's address, watched from its start to its end."""
    port, has_ended = free_port(), threading.Event()
    command = [sys.executable, "-m", "tests.watched", str(found.world / "notes"), "--port", str(port), *arguments]
    with (found.world / "output").open("wb") as output:
        app = subprocess.Popen(command, cwd=ROOT, env=_environment(found), stdout=output, stderr=subprocess.STDOUT)
    sampling = threading.Thread(target=found.sample, args=(app.pid, has_ended))
    sampling.start()
    try:
        _wait(lambda: b"ready" in found.output or app.poll() is not None)
        yield f"http://127.0.0.1:{port}/"
        _wait(lambda: not found.kept())  # the visitor has left
        found.stayed = found.kept()
    finally:
        has_ended.set()
        sampling.join()
        app.terminate()
        app.wait(PATIENCE_SECONDS)


def _environment(found: Watch) -> dict[str, str]:
    places = {"HOME": "home", "HF_HOME": "home/hf", "XDG_CACHE_HOME": "home/cache", "TMPDIR": "tmp"}
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OMP_NUM_THREADS")},
        **{name: str(found.world / place) for name, place in places.items()},
        "GRADIO_TEMP_DIR": str(found.own),
        "GRADIO_HEARTBEAT_INTERVAL": "0.25",  # of 15 s: how soon a visitor's leaving is seen
        "MPLCONFIGDIR": FONTS,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)


def _visit(visitor: Visitor, recordings: list[Path], found: Watch) -> None:
    """All that can be pressed, tab by tab."""
    first, second, third = map(visitor.upload, recordings)
    for name, step in visitor.steps.items():  # examples, and what only shows something
        if not step["inputs"] and step["queue"] is False and name not in LEAVING | FETCHING:
            _hold(visitor, visitor.take(name))
        if name.startswith("partial"):  # a set of one speaker's examples
            _hold(visitor, visitor.take(name, visitor.model))
        if name.startswith("fill"):
            _hold(visitor, visitor.take(name, visitor.model, event={"example": 0}))
    _one_recording(visitor, first, found)
    _several(visitor, [first, second], found)
    _reading(visitor, second, third)
    visitor.take("track_3", [first, second])
    visitor.press("hw-speaker-adapt", [first, second], f"{MEANT}\n{MEANT}", "bundled", "en")
    visitor.take("save_report_1", NOTE)
    visitor.press("hw-models-choose", "bundled")


def _hold(visitor: Visitor, shown: list) -> None:
    """What the page does by itself when a step shows other recordings."""
    if shown and isinstance(shown[0], dict) and "path" in shown[0]:
        visitor.take("track", shown[0])
    if shown and isinstance(shown[0], list):
        visitor.take("track_3", shown[0])


def _one_recording(visitor: Visitor, recording: dict, found: Watch) -> None:
    asked = [recording, MEANT, "bundled", "en", "recording", SAID, 1.0]
    visitor.take("track", recording)
    visitor.take("offer_for", "bundled")
    visitor.take("show_examples", "bundled")
    (answer,) = visitor.take("compare", *asked)
    assert answer["file"] == f"{NAME}1.wav" and answer["reference"] == MEANT and answer["verbatim"] == SAID
    found.traces["transcript"] = answer["base"].encode()
    for name in ("compare_on_page", "compare_at_strength", "recount", "sweep_on_page", "show_place", "show"):
        visitor.take(name, *asked)
    visitor.take("for_print", *asked, event={"kind": "png"})
    visitor.take("report", NOTE, *asked)
    visitor.take("for_print", *asked, event={"kind": "png"})
    sessions = [found.world / "sent" / f"{NAME} 2030-0{month}-01.json" for month in (1, 2)]
    for session in sessions:
        session.write_text(json.dumps(answer))
    visitor.take("compare_1", [visitor.upload(session) for session in sessions], "en")
    visitor.take("export", recording, "adapter", "bundled", "en", 1.0)
    for element in ("hw-adapter-file", "hw-merged-file"):
        visitor.take(element.split("-")[1] + "_zip", *asked)
    visitor.take("take_out_example", MEANT, None)  # the recording is taken out


def _several(visitor: Visitor, recordings: list[dict], found: Watch) -> None:
    table = found.world / "sent" / f"{NAME}.csv"
    table.write_text(f"file,what was meant,speaker,note\n{NAME}1.wav,{MEANT},{NOTE},{NOTE}\n")
    listed = visitor.upload(table)
    for sent in (visitor.take("take_examples", visitor.model), (recordings, listed)):
        visitor.take("track_1", *sent)
    visitor.press("hw-run", recordings, listed, "bundled", "en")
    visitor.take("transcribe")
    _hold(visitor, visitor.take("open", event={"row": 0}))
    visitor.take("correct", event={"row": 0, "text": SAID})
    visitor.take("report_1", NOTE, SAID, True)
    for endpoint in ("several", "speaker"):
        visitor.take(endpoint, recordings, f"{MEANT}\n{MEANT}", "bundled", "en")
    visitor.press("hw-cancel")


def _reading(visitor: Visitor, recording: dict, other: dict) -> None:
    visitor.press("hw-reading-start", next(iter(READING_SETS)))
    for button in ("redo", "skip", "back"):
        visitor.take("track_2", None, recording)
        visitor.press("hw-reading-next", None, recording)
        visitor.press(f"hw-reading-{button}", None)
    visitor.take("track_2", None, other)
    visitor.press("hw-reading-next", None, other)
    visitor.press("hw-reading-finish", None)
    visitor.press("hw-reading-count", None, "bundled")
    visitor.take("save_report", NOTE)
    _hold(visitor, visitor.press("hw-reading-as-speaker", None))


def _found_in(content: bytes, traces: dict[str, bytes]) -> list[str]:
    return [what for what, trace in traces.items() if trace in content]


def test_the_visit_took_every_step_of_the_page(watch: Watch) -> None:
    assert watch.untaken == set()
    assert all(watch.traces.values())


@pytest.fixture(params=["page", "stage"])
def seen(request: pytest.FixtureRequest) -> Watch:
    """Either way to use the app."""
    return request.getfixturevalue("watch" if request.param == "page" else "stage")


def test_nothing_is_written_outside_the_apps_own_folder(seen: Watch) -> None:
    written = {*seen.notes("o"), *seen.opened}
    assert any(NAME in path or path.endswith("/live") for path in written), "the watch is blind"
    ours = {str(seen.world / name) for name in ("notes", "output")}
    harmless = {*ours, os.devnull, FONTS}  # a folder that is there already is "made" without harm
    elsewhere = {path for path in written if not path.startswith(str(seen.own)) and path not in harmless}
    assert {path for path in elsewhere if not path.endswith("__pycache__")} == set()


def test_only_this_machine_is_spoken_to(seen: Watch) -> None:
    spoken_to = [what if isinstance(what, str) else what[0] for what in seen.notes("socket.")]
    assert spoken_to and seen.connections, "the watch is blind"
    assert [each for each in {*spoken_to, *seen.connections} if not ip_address(each).is_loopback] == []


def test_nothing_stays_when_the_visitor_has_left(watch: Watch) -> None:
    assert list(map(str, watch.stayed)) == []


def test_nothing_of_the_visitor_is_left_on_disk_or_in_the_log(seen: Watch) -> None:
    assert list(seen.own.iterdir()) == []
    for path in seen.files():
        assert _found_in(path.read_bytes() + str(path).encode(), seen.traces) == [], path
    assert _found_in(seen.output, seen.traces) == []
    assert seen.output.startswith(b"HyperWhisper is ready at ") and b"Traceback" not in seen.output
    assert _found_in((seen.world / "sent" / f"{NAME}1.wav").read_bytes(), seen.traces) == ["sound"]
