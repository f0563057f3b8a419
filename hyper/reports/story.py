"""A page to hand out: recordings with their sound, both transcripts and plots, in one file that asks for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.compare.comparison import Comparison
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaking import HOW_MEASURED, speaking_facts
from hyper.metrics.normalize import ENGLISH
from hyper.metrics.percent import percent
from hyper.plots import palette
from hyper.plots.layers import MAGNITUDE, magnitude_print, whole_layers
from hyper.plots.sound import SOUND, sound_print
from hyper.plots.style import svg
from hyper.recordings.audio import wav_bytes
from hyper.recordings.limits import AudioError, TextError, named
from hyper.recordings.manifest import COHORT_NAMES, ManifestRow
from hyper.recordings.sound import look_at
from hyper.recordings.whole_files import write_whole
from hyper.reports.html import font_bytes
from hyper.reports.one_recording import recording_report
from hyper.reports.parts import ClinicReport
from hyper.reports.templates import render
from hyper.reports.tongue import IN_ENGLISH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIMULATED = "Recordings that are called simulated are no patient's: a program made typical speech atypical."
ENDINGS = (".html", ".htm")


class StoryError(ValueError):
    """The page cannot be written where it is wanted; the message says why."""


@dataclass(frozen=True)
class Plot:
    """A plot, and in words what it shows."""

    title: str
    reading: str
    text: str
    svg: bytes


@dataclass(frozen=True)
class Chapter:
    """One recording of the story."""

    title: str
    report: ClinicReport
    wav: bytes
    speaking: dict[str, str]  # pauses, speech rate, pitch and level; {} where nobody speaks
    plots: tuple[Plot, ...]


def check_page(out: Path, read: Sequence[Path]) -> None:
    """Before the work: the page is a web page's file, and none of those that are `read`. Errors: StoryError."""
    if out.suffix.lower() not in ENDINGS or out.is_dir():
        raise StoryError(f"The page would be {out}; please name a file that ends in {' or '.join(ENDINGS)}.")
    if out.resolve() in {path.resolve() for path in read}:
        raise StoryError(f"The page would be written over {out}, which it tells of; please give it another name.")


def write_story(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], out: Path, language: str = ENGLISH
) -> tuple[str, ...]:  # of each recording that is left out, what is wrong with it
    """Compare each recording, write the page; `language` is what is spoken. Errors: StoryError where none can be told.

    A recording that cannot be used is left out: those before it took their time.
    """
    chapters, of_choice, left_out = list[Chapter](), list[str](), list[str]()
    for row in rows:
        try:
            comparison = asr.compare(str(row.path), row.reference or None, language=language)
        except (AudioError, TextError) as error:
            left_out.append(named(row.path.name, error))
            continue
        chapters.append(chapter(comparison, row, asr))
        of_choice += [row.chosen_with] if row.chosen_with else []
    if not chapters:
        raise StoryError(f"No recording can be told: {'; '.join(left_out)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, story_html(chapters, of_choice))
    return tuple(left_out)


def chapter(comparison: Comparison, row: ManifestRow, asr: PersonalizedAsr) -> Chapter:
    """What is told of one recording; where nobody speaks there is nothing to see."""
    report = recording_report(
        comparison, row.path.name, asr.backbone.fingerprint, simulated=SIMULATED if row.simulated else ""
    )
    if comparison.heard_nobody:
        return Chapter(title_of(row), report, wav_bytes(comparison.waveform), {}, ())
    sound = look_at(comparison.waveform)
    times = comparison.word_times
    speaking = speaking_facts(sound, times.adapted or times.base, comparison.language)
    said = ". ".join(f"{name}: {fact}" for name, fact in speaking.items())
    plots = [Plot(SOUND.title, SOUND.reading, said, _untitled(sound_print(sound)))]
    if comparison.layers:
        sizes = "; ".join(f"layer {name}: {percent(size)}" for name, size in whole_layers(comparison.layers).items())
        plots.append(Plot(MAGNITUDE.title, MAGNITUDE.reading, sizes, _untitled(magnitude_print(comparison.layers))))
    return Chapter(title_of(row), report, wav_bytes(comparison.waveform), speaking, tuple(plots))


def _untitled(figure: Figure) -> bytes:
    """The figure as SVG; its title stands above it on the page."""
    for axes in figure.axes:
        axes.set_title("", loc="left")
    return svg(figure)


def title_of(row: ManifestRow) -> str:
    """What kind of speech it is; "simulated" is never left out."""
    kind = COHORT_NAMES.get(row.cohort, row.cohort)
    if not kind:
        return row.path.name
    named = ("simulated " if row.simulated else "") + kind + (f", {row.severity}" if row.severity else "")
    return named[:1].upper() + named[1:]


def story_html(chapters: Sequence[Chapter], of_choice: Sequence[str] = ()) -> str:
    """The page, whole in one file; `of_choice` is what is to be known of how its recordings were chosen."""
    cautions = dict.fromkeys(caution for each in chapters for caution in each.report.cautions)
    notes = dict.fromkeys([*of_choice, *(note for each in chapters for note in each.report.group_notes)])
    return render(
        "story",
        chapters=chapters,
        cautions=list(cautions),
        notes=[*notes, HOW_MEASURED],
        facts=dict(fact for each in chapters for fact in each.report.facts if fact[0] != "Audio"),
        say=IN_ENGLISH.say,
        palette=palette,
        fonts=font_bytes(),
    )
