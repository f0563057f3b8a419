"""A corpus as it comes to the project's manifest, its utterances cut out of longer recordings where that is wanted."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyper.recordings.audio import MIN_SECONDS, audio_seconds, load_audio, save_audio
from hyper.recordings.corpus import Corpus, CorpusError, Utterance
from hyper.recordings.limits import SAMPLE_RATE, AudioError
from hyper.recordings.manifest import ManifestRow, cohort_of, kind, tell_typical_names, write_manifest

MAX_LONG_SECONDS = 5400  # an interview; of longer ones the samples would not fit the decoder's gigabyte
UNREADABLE = "whose recording cannot be read"
PLAIN_ENDINGS = (".wav", ".flac")  # whose length costs no decoding


@dataclass(frozen=True)
class Converted:
    """What became of a corpus."""

    rows: tuple[ManifestRow, ...]
    seconds: float | None  # of all of them; None where finding out would mean decoding
    left_out: Counter[str]  # reasons, to follow their numbers


def convert(
    corpus: Corpus, folder: Path, manifest: Path, cut: Path | None = None, without_text: bool = False
) -> Converted:
    """Read the corpus in the folder and write the manifest.

    Utterances within longer recordings are written to the folder `cut`; without one they are refused. Those without a
    text are left out unless `without_text`. Errors: CorpusError where nothing is left to write.
    """
    if not corpus.has_texts and not without_text:
        raise CorpusError(
            f"{corpus.name} has labels and no transcripts, so nothing can be trained or scored on it; "
            "its clips are listed with --without-text."
        )
    found = _read(corpus, folder)
    if not found:
        raise CorpusError(f"{folder} holds nothing of {corpus.name}; looked for {corpus.layout}.")
    judged = [_judged(utterance, without_text) for utterance in found]
    usable = [utterance for utterance in judged if not utterance.left_out]
    n_pieces = sum(utterance.start is not None for utterance in usable)
    if n_pieces and cut is None:
        raise CorpusError(
            f"{n_pieces:,} utterances of {folder} are pieces of longer recordings; "
            "name a folder for the pieces with --cut."
        )
    usable = [piece for path, group in _by_path(usable).items() for piece in _cut(path, group, folder, cut)]
    usable = [_measured(utterance) for utterance in usable]
    left_out = Counter(each.left_out for each in [*judged, *usable] if each.left_out)
    usable = [utterance for utterance in usable if not utterance.left_out]
    if not usable:
        raise CorpusError(f"Nothing of {folder} can be used: {left_out_in_words(left_out)}.")
    tell_typical_names(folder, [utterance.cohort for utterance in usable])
    rows = tuple(_row(utterance, corpus, folder, manifest) for utterance in usable)
    write_manifest(manifest, rows)
    lengths = [utterance.seconds for utterance in usable if utterance.seconds is not None]
    return Converted(rows, sum(lengths) if len(lengths) == len(usable) else None, left_out)


def _read(corpus: Corpus, folder: Path) -> list[Utterance]:
    """All of it; a list that lacks a column, or has words or nothing where a number belongs, is the folder's fault."""
    try:
        return list(corpus.read(folder))
    except CorpusError:
        raise
    except KeyError as error:
        raise CorpusError(f"A list in {folder} is not as {corpus.name} has them: {error} is missing.") from error
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise CorpusError(f"A list in {folder} is not as {corpus.name} has them: {error}.") from error


def left_out_in_words(left_out: Counter[str]) -> str:
    """Each with its number, the most frequent first: 3 without a text, 1 shorter than 0.2 s."""
    return ", ".join(f"{number:,} {reason}" for reason, number in left_out.most_common())


def _judged(utterance: Utterance, without_text: bool) -> Utterance:
    """With its whole path, and a reason to leave it out, if there is one that needs no look into the recording."""
    utterance = replace(utterance, path=_whole(utterance.path))
    if utterance.left_out:
        return utterance
    if not utterance.reference and not without_text:
        return replace(utterance, left_out="without a text")
    return utterance if utterance.path.is_file() else replace(utterance, left_out="whose recording is missing")


def _whole(path: Path) -> Path:
    """From the root on, without "..", so that no list leads a piece out of its folder; links stay links."""
    return Path(os.path.abspath(path))


def _by_path(utterances: Iterable[Utterance]) -> dict[Path, list[Utterance]]:
    groups: dict[Path, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        groups[utterance.path].append(utterance)
    return groups


def _cut(path: Path, utterances: Sequence[Utterance], folder: Path, cut: Path | None) -> Iterator[Utterance]:
    """The utterances of one recording; those that are pieces of it as files of their own. It is decoded once."""
    pieces = [utterance for utterance in utterances if utterance.start is not None]
    yield from (utterance for utterance in utterances if utterance.start is None)
    if not pieces:
        return
    try:
        waveform = load_audio(path, MAX_LONG_SECONDS)
    except AudioError:
        trouble = _trouble(path)
        yield from (replace(piece, left_out=trouble) for piece in pieces)
        return
    home = _whole(folder)
    inside = path.relative_to(home if path.is_relative_to(home) else path.anchor)
    for piece in pieces:
        assert piece.start is not None and piece.end is not None and cut is not None  # `convert` refuses others
        end = min(piece.end, len(waveform) / SAMPLE_RATE)
        samples = waveform[round(piece.start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        seconds = len(samples) / SAMPLE_RATE
        if seconds < MIN_SECONDS:
            yield replace(piece, left_out=f"shorter than {MIN_SECONDS} s")
            continue
        own = cut / inside.with_suffix("") / f"{piece.start:09.3f}-{end:09.3f}.wav"
        save_audio(own, samples)
        yield replace(piece, path=own, seconds=seconds)


def _trouble(path: Path) -> str:
    """Why a long recording could not be loaded, to follow a number."""
    try:
        is_too_long = audio_seconds(path) > MAX_LONG_SECONDS
    except AudioError:
        return UNREADABLE
    return f"whose recording is longer than {MAX_LONG_SECONDS:,} s" if is_too_long else UNREADABLE


def _measured(utterance: Utterance) -> Utterance:
    """With its length where that is cheap, and left out where there is next to nothing of it."""
    if utterance.left_out or utterance.seconds is not None or utterance.path.suffix.lower() not in PLAIN_ENDINGS:
        return utterance
    try:
        seconds = audio_seconds(utterance.path)
    except AudioError:
        return replace(utterance, left_out=UNREADABLE)
    short = f"shorter than {MIN_SECONDS} s" if seconds < MIN_SECONDS else ""
    return replace(utterance, seconds=seconds, left_out=short)


def _row(utterance: Utterance, corpus: Corpus, folder: Path, manifest: Path) -> ManifestRow:
    """One line of the manifest, its speaker told from those of other corpora.

    A simulated patient is called after the speaker behind (`manifest.source_speaker`).
    """
    origin = _whole(folder).name if corpus.is_format else corpus.name
    speaker = f"{corpus.speakers_of or origin}-{utterance.speaker}" if utterance.speaker else ""
    path, home = _whole(utterance.path), _whole(manifest.parent)
    return ManifestRow(
        file=path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix(),
        path=path,
        reference=utterance.reference,
        speaker=f"{speaker}-{corpus.name}" if corpus.simulated else speaker,
        cohort=cohort_of(utterance.cohort),
        severity=kind(utterance.severity),
        simulated=corpus.simulated,
        domain=utterance.domain,
        corpus=origin,
        licence=corpus.licence,
        age=utterance.age,
        note=utterance.note,
        verbatim=utterance.verbatim,
    )
