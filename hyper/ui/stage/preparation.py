"""Everything is computed before the first slide: how far that is, what came of it, what was left out and why."""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.recordings.limits import AudioError, TextError
from hyper.ui.examples import Example
from hyper.ui.languages import say

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.ui.stage.slides import Slide

LIVE = "Live from the microphone"
LEFT_OUT = "{file} is left out: {why}"
NAMED_LEFT_OUT = "Left out: {why}"  # where that says the file's name already
NOT_YET = "The model is still loading; please try again in a moment."
BROKEN = "something unexpected went wrong; the terminal says what."
log = logging.getLogger(__name__)


class LiveError(ValueError):
    """A recording made on the stage gave no slide; the message is shown there."""


class Preparation:
    """Loads the model and compares every recording in a thread of its own, while the stage says how far it is."""

    def __init__(
        self,
        load: Callable[[], PersonalizedAsr],
        programme: Callable[[PersonalizedAsr], Sequence[Example]],  # what is presented with a model
    ) -> None:
        self._load, self._programme = load, programme
        self._examples: Sequence[Example] = ()
        self._asr: PersonalizedAsr | None = None
        self._made: list[tuple[Slide, bytes]] = []  # with its sound
        self._left_out: list[tuple[str, str]] = []  # file, and why
        self._failure = ""
        self._is_ready = False
        self._one_at_a_time = threading.Lock()

    def start(self) -> None:
        """In a thread that ends with the program."""
        threading.Thread(target=self.run, daemon=True, name="preparation").start()

    def run(self) -> None:
        """A recording that fails is left out with a line; a model that fails is said on the stage and in the log."""
        try:
            # torch takes seconds to import: the stage is on the screen by then
            from hyper.model.checkpoint import CheckpointError
            from hyper.model.files import BackboneError

            self._asr = self._load()
        except (BackboneError, CheckpointError) as error:
            self._failure = f"The model cannot be loaded. {error}"
            print(f"HyperWhisper cannot present: {error}", file=sys.stderr, flush=True)
            return
        except Exception:
            self._failure = f"The model cannot be loaded: {BROKEN}"
            raise
        self._examples = self._programme(self._asr)
        for example in self._examples:
            self._add(example)
        self._is_ready = True

    def status(self) -> dict[str, Any]:
        """What the stage asks for until it is ready, in its language; the slides come once they all are there."""
        slides = [slide for slide, _ in self._made] if self._is_ready else []
        return {
            "state": self._state,
            "done": len(self._made) + len(self._left_out),
            "total": len(self._examples),
            "failure": say(self._failure),
            "left_out": [say(_left_out(file, why), file=file, why=say(why)) for file, why in self._left_out],
            "chosen_with": [say(each) for each in dict.fromkeys(each.chosen_with for each in self._examples) if each],
            "slides": [_said(slide) for slide in slides],
        }

    def sound(self, number: int) -> bytes | None:
        """The recording of a slide as a WAV file; None where there is no such slide."""
        return self._made[number][1] if 0 <= number < len(self._made) else None

    def live(self, recording: bytes) -> dict[str, Any]:
        """The slide of a recording made just now; it lies on the disk only while it is read. Errors: `LiveError`."""
        if self._asr is None:
            raise LiveError(say(NOT_YET))
        with tempfile.TemporaryDirectory() as folder, self._one_at_a_time:
            file = Path(folder) / "live"
            file.write_bytes(recording)
            try:
                return _said(self._slide(file, "", LIVE)[0])
            except AudioError as error:
                raise LiveError(say(str(error))) from error

    @property
    def _state(self) -> str:
        if self._failure:
            return "failed"
        if self._is_ready:
            return "ready"
        return "loading" if self._asr is None else "comparing"

    def _add(self, example: Example) -> None:
        try:
            self._made.append(self._slide(example.path, example.reference, example.label, example.is_simulated))
        except (AudioError, TextError) as error:
            self._leave_out(example, str(error))
        except Exception:  # on a stage eleven slides are better than none
            log.exception("%s could not be compared", example.path)
            self._leave_out(example, BROKEN)

    def _leave_out(self, example: Example, reason: str) -> None:
        name = example.path.name
        self._left_out.append((name, reason))
        print(_left_out(name, reason).format(file=name, why=reason), file=sys.stderr, flush=True)

    def _slide(self, file: Path, meant: str, label: str, is_simulated: bool = False) -> tuple[Slide, bytes]:
        from hyper.recordings.audio import wav_bytes
        from hyper.ui.stage.slides import make_slide

        assert self._asr is not None  # it is loaded before anything is compared
        slide, waveform = make_slide(self._asr, file, meant, label, is_simulated)
        return slide, wav_bytes(waveform)


def _left_out(file: str, why: str) -> str:
    return NAMED_LEFT_OUT if file in why else LEFT_OUT


def _said(slide: Slide) -> dict[str, Any]:
    from hyper.ui.stage.slides import said_slide  # imports torch

    return said_slide(slide)
