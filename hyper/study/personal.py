"""What is personal in the gain: each recording adapted with its own weights, with those of others, and by rivals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.prepared import adapt, encode
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcribe import RowWeights
from hyper.metrics.intervals import Interval, difference_interval, reduction_interval, sum_by_speaker
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import word_errors
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import ManifestRow, check_speakers, counted_voice, source_speaker

OWN = "its own"
_SEED = 0  # of whom others are drawn
_AT_ONCE = 16  # recordings


class PersonalError(ValueError):
    """The question cannot be put to this model and list; the message says why."""


@dataclass(frozen=True)
class Weights:
    """What became of the recordings that could be given some weights."""

    whose: str
    n_recordings: int
    n_speakers: int  # simulated patients of one voice are one
    n_words: int
    base_wer: float
    wer: float
    reduction: float | None  # of the base's errors; None where it made none
    reduction_interval: Interval | None
    own_wer: float  # of the same recordings
    difference_interval: Interval | None  # of the WER minus the own one, paired over speakers

    def to_json(self) -> dict[str, Any]:
        """Every number by its name; intervals as `[low, high]`."""
        return {name: value.to_json() if isinstance(value, Interval) else value for name, value in vars(self).items()}


def whose_weights(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], rivals: Sequence[PersonalizedAsr] = (), language: str = "en"
) -> list[Weights]:
    """Score each recording with weights written for it, for others, and with the rivals' own for it.

    Weights that no recording can be given are left out: of the same cohort and severity there may be nobody else.
    Errors: PersonalError where there is no hypernetwork, and where no recording with a reference can be read;
    ManifestError where it is not said who speaks.
    """
    if asr.hypernet is None:
        raise PersonalError(f"{asr.base_model} has no hypernetwork here, so there are no weights to exchange.")
    check_speakers(rows, "weights of the same speaker and of others are compared")
    used, statistics = _heard(asr, [row for row in rows if row.reference])
    if not used:
        raise PersonalError(f"None of {len(rows)} recordings has a reference and can be read.")
    everyone = np.ones(len(used), dtype=bool)
    others = {whose: (given, has) for whose, (given, has) in others_statistics(used, statistics).items() if has.any()}
    read = {OWN: (statistics, everyone)} | others
    base = _errors(asr, used, None, 0.0, language)
    counts = {whose: _errors(asr, used, given, 1.0, language) for whose, (given, _) in read.items()}
    results = [_result(whose, used, base, counts[whose], counts[OWN], has) for whose, (_, has) in read.items()]
    for rival in rivals:
        errors = _errors(rival, used, None, 1.0, language)
        results.append(_result(str(rival.hypernet_folder), used, base, errors, counts[OWN], everyone))
    return results


def others_statistics(
    rows: Sequence[ManifestRow],
    statistics: Tensor,  # (n, n_layers + 1, 3, d_model)
) -> dict[str, tuple[Tensor, np.ndarray]]:
    """For each recording what the hypernetwork reads of others, and which recordings (n,) have such others.

    The typical speaker behind a simulated patient counts as the same person. Whoever has none keeps its own.
    """
    people = np.array([source_speaker(row) for row in rows])
    speakers, cohorts = np.array([row.speaker for row in rows]), np.array([row.cohort or "typical" for row in rows])
    kinds = np.array([f"{row.cohort or 'typical'} {row.severity}" for row in rows])
    rng = np.random.default_rng(_SEED)

    def given(fits: Callable[[int], np.ndarray], draws: bool) -> tuple[Tensor, np.ndarray]:
        read, has = statistics.clone(), np.zeros(len(rows), dtype=bool)
        for i in range(len(rows)):
            chosen = np.flatnonzero(fits(i))
            if has_any := len(chosen) > 0:
                read[i] = statistics[int(rng.choice(chosen))] if draws else statistics[chosen].mean(dim=0)
            has[i] = has_any
        return read, has

    everyone = np.arange(len(rows))
    own_others = given(lambda i: (speakers == speakers[i]) & (everyone != i), False)
    return {
        "the mean of the speaker's other recordings": own_others,
        "another person's of the same cohort and severity": given(
            lambda i: (kinds == kinds[i]) & (people != people[i]), True
        ),
        "another person's of another cohort": given(lambda i: (cohorts != cohorts[i]) & (people != people[i]), True),
        "the mean of all": given(lambda _: everyone >= 0, False),
    }


def _parts(rows: Sequence[ManifestRow], doing: str) -> tqdm[Sequence[ManifestRow]]:
    return tqdm([rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE)], desc=doing, unit="batch")


def _heard(asr: PersonalizedAsr, rows: Sequence[ManifestRow]) -> tuple[list[ManifestRow], Tensor]:
    """The recordings that can be read, and the statistics of each, (n, n_layers + 1, 3, d_model)."""
    used: list[ManifestRow] = []
    statistics = []
    for part in _parts(rows, "listening"):
        waveforms = []
        for row in part:
            with suppress(AudioError):  # left out; the table says how many were used
                waveforms.append(load_audio(row.path))
                used.append(row)
        statistics += [each.pooled() for each in encode(asr.backbone, waveforms)] if waveforms else []
    return used, torch.cat(statistics) if statistics else torch.empty(0)


def _errors(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], given: Tensor | None, strength: float, language: str
) -> np.ndarray:  # (n, 2)
    """Wrong words and reference words of each recording, with its own statistics where none are given."""
    stopwatch = Stopwatch(asr.backbone.device)
    counts: list[tuple[int, int]] = []
    for part in _parts(rows, "writing"):
        encoded = encode(asr.backbone, [load_audio(row.path) for row in part])
        read = None if given is None else given[len(counts) : len(counts) + len(part)]
        prepared = adapt(asr.backbone, asr.hypernet, encoded, language, False, stopwatch, read)
        said = asr.decode_rows(prepared, [RowWeights(strength)], stopwatch, _AT_ONCE)
        found = [word_errors(row.reference, text.text, language) for row, (text,) in zip(part, said, strict=True)]
        counts += [(errors.n_errors, errors.n_reference) for errors in found]
    return np.array(counts)


def _result(
    whose: str, rows: Sequence[ManifestRow], base: np.ndarray, errors: np.ndarray, own: np.ndarray, has: np.ndarray
) -> Weights:
    """Of the recordings (n,) that have such weights; base, errors and own are (n, 2), as `_errors` gives them."""
    speakers = [counted_voice(row) for row, taken in zip(rows, has, strict=True) if taken]
    counts = np.column_stack([base[:, 0], errors[:, 0], own])[has]  # wrong by base, by these, by own; reference words
    by_speaker = sum_by_speaker(speakers, counts)
    n_base, n_errors, n_own, n_words = (int(n) for n in counts.sum(axis=0))
    return Weights(
        whose=whose,
        n_recordings=len(counts),
        n_speakers=len(by_speaker),
        n_words=n_words,
        base_wer=n_base / max(1, n_words),
        wer=n_errors / max(1, n_words),
        reduction=1 - n_errors / n_base if n_base else None,
        reduction_interval=reduction_interval(by_speaker[:, 0], by_speaker[:, 1]),
        own_wer=n_own / max(1, n_words),
        difference_interval=difference_interval(by_speaker[:, 1], by_speaker[:, 2], by_speaker[:, 3]),
    )


def personal_table(results: Sequence[Weights]) -> str:
    """The results in Markdown, WER in percent."""
    lines = [
        "| weights | recordings | speakers | base | with them | fewer errors | with their own | difference in points |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in results:
        fewer = percent(each.reduction) + _between(each.reduction_interval)
        difference = f"{100 * (each.wer - each.own_wer):+.1f}{_between(each.difference_interval)}"
        cells = (each.whose, each.n_recordings, each.n_speakers, percent(each.base_wer), percent(each.wer), fewer)
        lines.append(f"| {' | '.join(map(str, cells))} | {percent(each.own_wer)} | {difference} |")
    return "\n".join(lines)


def _between(interval: Interval | None) -> str:
    """In percent or points."""
    return "" if interval is None else f" ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
