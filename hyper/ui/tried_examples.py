"""The examples that belong to the pair in use, and what it makes of them: told by their manifest, or tried once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hyper.compare.example_sets import folder_of, made_for, pair_of
from hyper.compare.scoring import score_pair
from hyper.metrics.word_errors import outcome
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.ui.examples import Example, in_order
from hyper.ui.service import Service

if TYPE_CHECKING:
    from hyper.compare.pipeline import PersonalizedAsr

LANGUAGE = "en"  # of all examples


class TriedExamples:
    """The examples of one page, for every pair that it runs. Safe to share between threads."""

    def __init__(self, service: Service, examples: Sequence[Example]) -> None:
        self.all = list(examples)  # of every set
        self._service = service
        self._tried: WeakKeyDictionary[PersonalizedAsr, list[Example]] = WeakKeyDictionary()
        self._trying: set[PersonalizedAsr] = set()
        self._lock = threading.Lock()

    def listed(self, name: str) -> list[Example]:
        """Those that belong to a model, as their manifest has them: its base's own, or else the bundled pair's."""
        asr = self._service.models.loaded(name)
        folder = folder_of(made_for(asr) if asr is not None else name)
        return [each for each in self.all if each.of_base == folder] or [each for each in self.all if not each.of_base]

    def of(self, name: str) -> list[Example]:
        """In the page's order for a model. Without outcomes where it has no hypernetwork or was not tried yet."""
        as_chosen = in_order(self.listed(name))
        if self._is_told(name, as_chosen):
            return as_chosen
        asr = self._service.models.loaded(name)
        untried = [replace(each, outcome="", doubt="") for each in as_chosen]
        return untried if asr is None else self._tried.get(asr, untried)

    def is_missing(self, name: str) -> bool:
        """Whether this model can be tried and was not yet. A GPU that is lent call by call is not for this."""
        asr = self._service.models.loaded(name)
        is_adapting = asr is not None and asr.hypernet is not None
        can_wait = self._service.scheduler is not None
        listed = self.listed(name)
        is_known = self._is_told(name, listed) or asr in self._tried
        return is_adapting and can_wait and bool(listed) and not is_known

    def start(self, name: str) -> None:
        """Try a loaded model in a thread that ends by itself; nothing where that is done, or under way."""
        if self.is_missing(name):
            threading.Thread(target=self.try_out, args=(name,), daemon=True, name="examples").start()

    def try_out(self, name: str) -> None:
        """Compare each example once, and put them in the order of what came of it. Visitors go first."""
        asr = self._service.models.loaded(name)
        with self._lock:
            if asr is None or asr in self._trying or not self.is_missing(name):
                return
            self._trying.add(asr)
        found = self.of(name)
        try:
            found = in_order([self._tried_by(asr, each) for each in found])
        finally:  # an error leaves the cards without labels, and nobody waits for them
            self._tried[asr] = found
            self._trying.discard(asr)

    def _is_told(self, name: str, listed: Sequence[Example]) -> bool:
        """Whether the manifest says what this very pair makes of the examples."""
        if not any(each.of_base for each in listed):
            return self._service.models.came_with_page(name)
        asr = self._service.models.loaded(name)
        return asr is not None and {each.pair for each in listed} == {pair_of(asr)}

    def _tried_by(self, asr: PersonalizedAsr, example: Example) -> Example:
        """By way of the line, one at a time, as a list's recordings; doubts come first, as in the verdict."""
        waveform = load_audio(example.path)
        (pair,) = self._service.transcribe(asr, LANGUAGE, None, [waveform])
        row = ManifestRow(example.path.name, example.path, example.reference)
        found = score_pair(asr, row, waveform, pair, LANGUAGE)
        assert found.base.errors and found.adapted and found.adapted.errors  # `is_missing` asks for a hypernetwork
        of_words = outcome(found.base.errors, found.adapted.errors)
        return replace(example, outcome=of_words, doubt=found.doubts[0] if found.doubts else "")
