"""Every figure by its name, for slides: those of the study's results, of one recording, and of one speaker."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.compare.comparison import Comparison
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaker import compare_speaker
from hyper.compare.sweep import sweep
from hyper.compare.voice_map import MapError, find_map
from hyper.metrics.normalize import ENGLISH
from hyper.plots.agreement import agreement_print
from hyper.plots.calibration import reliability_figure
from hyper.plots.layers import inside_print, magnitude_print
from hyper.plots.scorecard import scorecard_figures
from hyper.plots.sound import sound_print
from hyper.plots.style import save_slide
from hyper.plots.sweep import sweep_print
from hyper.plots.voice_map import Visitor, map_print
from hyper.recordings.sound import look_at
from hyper.study.experiments.catalogue import EXPERIMENTS
from hyper.study.scaling import NAME as SCALING
from hyper.study.scaling import figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FigureError(ValueError):
    """There is no such figure, or what it needs is not there; the message says which there are."""


def write_figures(
    name: str,  # of a figure, or ALL
    out: Path,
    results: Path,  # folder of the study's results
    asr: PersonalizedAsr | None,  # for recordings
    recordings: Sequence[Path],  # the first is drawn by itself; two or more are of one speaker
    *,
    reference: str | None = None,
    is_transparent: bool = False,
    language: str = ENGLISH,  # that is spoken
) -> list[Path]:
    """One figure, or all that can be drawn, as PNG, SVG and PDF; returns the files.

    Errors: FigureError; MapError where the map is asked for by name and there is none for the pair.
    """
    drawn = study_figures(results)
    of_study = ", ".join(drawn) or "none"
    if asr is not None and recordings:
        drawn |= recording_figures(asr, recordings, reference, language)
    if name in OF_RECORDING and not recordings:
        raise FigureError(f"The figure {name} is of one recording; name it with --audio FILE.")
    if name == AGREEMENT and len(recordings) < 2:
        raise FigureError(f"The figure {name} is of one speaker; name two recordings or more with --audio FILE FILE.")
    if name not in (ALL, *drawn):
        raise FigureError(
            f"There is no figure {name!r}. Of the results in {results}: {of_study}. "
            f"Of one recording, with --audio FILE: {', '.join(OF_RECORDING)}. "
            f"Of one speaker, with --audio FILE FILE: {AGREEMENT}. All of them: {ALL}."
        )
    out.mkdir(parents=True, exist_ok=True)
    chosen = drawn if name == ALL else {name: drawn[name]}
    if name == ALL and asr is not None and not _has_map(asr):
        chosen.pop("voice", None)
    return [file for each, draw in chosen.items() for file in save_slide(draw(), out / each, is_transparent)]


def study_figures(results: Path) -> dict[str, Callable[[], Figure]]:
    """By name, those whose numbers are in the folder."""
    figures: dict[str, Callable[[], Figure]] = {}
    if (results / "scorecard.json").is_file():
        drawn = scorecard_figures(json.loads((results / "scorecard.json").read_text(encoding="utf-8")), None)
        figures |= {name: partial(_same, figure) for name, figure in drawn.items()}
    if (results / f"{SCALING}.json").is_file():
        figures[SCALING] = partial(figure_of, _read(results / f"{SCALING}.json"))
    for name, experiment in EXPERIMENTS.items():
        file = results / f"experiment-{name}.json"
        if file.is_file():
            figures[name] = partial(lambda of, record: of.figure(_read(record)), experiment, file)
    return figures


def recording_figures(
    asr: PersonalizedAsr, recordings: Sequence[Path], reference: str | None, language: str
) -> dict[str, Callable[[], Figure]]:
    """By name; without a hypernetwork the sound alone, without a calibration no reliability."""
    comparison = asr.compare(str(recordings[0]), reference, language=language)
    if comparison.adapted is None:
        return {"sound": partial(OF_RECORDING["sound"], asr, comparison)}
    drawn: dict[str, Callable[[], Figure]] = {
        name: partial(draw, asr, comparison) for name, draw in OF_RECORDING.items()
    }
    if asr.calibration is None:
        del drawn["reliability"]
    if len(recordings) > 1:
        drawn[AGREEMENT] = partial(_agreement, asr, recordings, language)
    return drawn


def _has_map(asr: PersonalizedAsr) -> bool:
    try:
        find_map(asr)
    except MapError:
        return False
    return True


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def _same(figure: Figure) -> Figure:
    return figure


def _sweep(asr: PersonalizedAsr, comparison: Comparison) -> Figure:
    return sweep_print(sweep(asr, asr.prepare(comparison.waveform, language=comparison.language), comparison.reference))


def _voice(asr: PersonalizedAsr, comparison: Comparison) -> Figure:
    voices = find_map(asr)
    assert comparison.embedding is not None
    where = voices.whereabouts(comparison.embedding, is_mean=False)
    return map_print(voices, [Visitor("this recording", where, is_main=True)])


def _reliability(asr: PersonalizedAsr, comparison: Comparison) -> Figure:
    assert asr.calibration is not None
    return reliability_figure(asr.calibration)


def _agreement(asr: PersonalizedAsr, recordings: Sequence[Path], language: str) -> Figure:
    found = compare_speaker(asr, recordings, language=language).agreement
    return agreement_print(found.written_deg, found.read_deg, [str(i + 1) for i in range(len(recordings))])


ALL = "all"
AGREEMENT = "agreement"
OF_RECORDING: dict[str, Callable[[PersonalizedAsr, Comparison], Figure]] = {
    "sound": lambda asr, comparison: sound_print(look_at(comparison.waveform)),
    "layers": lambda asr, comparison: magnitude_print(comparison.layers),
    "inside": lambda asr, comparison: inside_print(comparison.layers),
    "strengths": _sweep,
    "voice": _voice,
    "reliability": _reliability,
}
