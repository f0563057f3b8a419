"""The app's examples: drawn by a seed, compared by a pair, chosen by a rule that shows gain, tie and harm."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hyper.compare.example_sets import pair_of
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.utterance import ScoredUtterance
from hyper.metrics import word_errors
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors, pooled
from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import SYNTHETIC, ManifestRow, write_manifest
from hyper.simulate import COHORTS, SEVERITIES, draw_profile, simulate
from hyper.speech.make import LICENCE, Job, finish, speak
from hyper.speech.speakers import Speaker, draw_speaker
from hyper.speech.texts import sentences

SEED = 2026
MIN_WORDS = 5  # shorter commands leave simulated stuttering nothing to happen in
MAX_SECONDS = 5.0  # a longer one is not drawn, so that the folder stays small
N_TYPICAL = 3
FIRST_SPEAKER = 300_000 + SEED  # of no split: those draw below 300,000

# What the nine simulated examples show, the rarest first; the other two are the first drawn of their cell.
WANTED = ("harm", "tie", "gain", "gain", "gain", "gain", "gain")


class ExamplesError(ValueError):
    """The rule cannot be kept with what was drawn."""


@dataclass(frozen=True)
class Example:
    """One recording to make."""

    name: str
    cohort: str
    severity: str


def make_examples(asr: PersonalizedAsr, out: Path, n_candidates: int, chosen_with: str = "") -> list[ManifestRow]:
    """Write the recordings and their manifest; `chosen_with` is what is to be known of the pair.

    Errors: ExamplesError where an outcome that the rule wants was not drawn.
    """
    if asr.hypernet is None:
        raise ExamplesError("The examples show what adapting does, but this model has no hypernetwork.")
    with TemporaryDirectory() as folder:
        drawn = score_manifest(asr, make_candidates(Path(folder), n_candidates), progress=True).utterances
        counts, errors = Counter(map(outcome, drawn)), pooled_errors(drawn)
        rows = []
        out.mkdir(parents=True, exist_ok=True)
        for example, chosen in zip(examples(), choose(drawn), strict=True):
            path, kind = out / f"{example.name}.wav", outcome(chosen)
            save_audio(path, load_audio(chosen.recording.path))
            note = f"{kind}: {counts[kind]} of {len(drawn)} drawn; {errors}"
            row = replace(chosen.recording, file=path.name, path=path, outcome=kind, note=note)
            doubt = chosen.doubts[0] if chosen.doubts else ""
            rows.append(replace(row, doubt=doubt, chosen_with=chosen_with, pair=pair_of(asr)))
    write_manifest(out / "manifest.csv", rows)
    return rows


def make_candidates(out: Path, n: int) -> list[ManifestRow]:
    """Recordings to choose from, in the order they were drawn; what is too long is left out."""
    cells = [*((cohort, severity) for cohort in COHORTS for severity in SEVERITIES), ("typical", "")]
    texts = itertools.islice(example_texts(), n)
    jobs = [Job(f"{i:04d}.wav", text, "command", example_speaker(i)) for i, text in enumerate(texts)]
    rows = []
    for job, spoken in speak(jobs):
        i = int(job.file.removesuffix(".wav"))
        cohort, severity = cells[i % len(cells)]
        waveform, phones = finish(spoken, job.speaker)
        if cohort != "typical":
            waveform = simulate(waveform, phones, draw_profile(cohort, severity, SEED + i), i).waveform
        if len(waveform) > MAX_SECONDS * SAMPLE_RATE:
            continue
        save_audio(out / job.file, waveform)
        rows.append(_row(out, job, cohort, severity))
    return sorted(rows, key=lambda row: row.file)


def _row(out: Path, job: Job, cohort: str, severity: str) -> ManifestRow:
    return ManifestRow(
        file=job.file,
        path=out / job.file,
        reference=job.text,
        speaker=f"example{job.file.removesuffix('.wav')}",
        cohort=cohort,
        severity=severity,
        simulated=cohort != "typical",
        voice=job.speaker.voice_name,
        domain=job.domain,
        corpus=SYNTHETIC,
        licence=LICENCE,
    )


def outcome(utterance: ScoredUtterance) -> str:
    """What adapting did to it."""
    return word_errors.outcome(utterance.base.counted, _adapted(utterance))


def _adapted(utterance: ScoredUtterance) -> WordErrors:
    assert utterance.adapted is not None  # `make_examples` asks for a hypernetwork
    return utterance.adapted.counted


def choose(drawn: Sequence[ScoredUtterance]) -> list[ScoredUtterance]:
    """One recording for each of `examples()`, by the rule.

    Errors: ExamplesError where the recordings do not hold what it wants.
    """
    cells: dict[tuple[str, str], list[ScoredUtterance]] = {}
    for utterance in drawn:
        cells.setdefault((utterance.recording.cohort, utterance.recording.severity), []).append(utterance)
    wanted = [(e.cohort, e.severity) for e in examples() if e.cohort != "typical"]
    if missing := [cell for cell in wanted if cell not in cells]:
        raise ExamplesError(f"No recording was drawn for {', '.join(map(' '.join, missing))}; draw more.")
    open_cells = [wanted[i] for i in np.random.default_rng(SEED).permutation(len(wanted))]
    chosen = {}
    for kind in WANTED:
        found = next(((cell, u) for cell in open_cells for u in cells[cell] if outcome(u) == kind), None)
        if found is None:
            raise ExamplesError(f"None of the {len(drawn)} recordings left to choose from is a {kind}; draw more.")
        chosen[found[0]] = found[1]
        open_cells.remove(found[0])
    typical = cells.get(("typical", ""), [])[:N_TYPICAL]
    if len(typical) < N_TYPICAL:
        raise ExamplesError(f"{len(typical)} typical recordings were drawn, {N_TYPICAL} are wanted; draw more.")
    return [*(chosen.get(cell, cells[cell][0]) for cell in wanted), *typical]


def pooled_errors(drawn: Sequence[ScoredUtterance]) -> str:
    """Word errors of everything drawn, which the choice does not show."""
    base, adapted = pooled(u.base.counted for u in drawn), pooled(map(_adapted, drawn))
    return f"all {len(drawn)}: WER {percent(base.wer)} base, {percent(adapted.wer)} adapted"


def example_speaker(i: int) -> Speaker:
    """The i-th speaker: a voice that no training set holds, at a rate that people speak at."""
    drawn = draw_speaker("unheard", FIRST_SPEAKER + i)
    return replace(drawn, rate=float(np.clip(drawn.rate, 0.85, 1.1)))


def examples() -> list[Example]:
    """Every cohort at every severity, then the typical ones."""
    atypical = [Example(f"{cohort}_{severity}", cohort, severity) for cohort in COHORTS for severity in SEVERITIES]
    return [*atypical, *(Example(f"typical_{i}", "typical", "") for i in range(1, N_TYPICAL + 1))]


def example_texts() -> Iterator[str]:
    """Commands of the test split of at least `MIN_WORDS` words, in the order the seed draws them, none twice."""
    seen: set[str] = set()
    for text in sentences("command", "test", np.random.default_rng(SEED), []):
        if len(text.split()) >= MIN_WORDS and text not in seen:
            seen.add(text)
            yield text
