"""Which recordings can be used, and what is wrong with the others; as a table."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyper.compare.evaluation import aligned
from hyper.recordings.audio import MIN_SECONDS, audio_seconds
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import TYPICAL, ManifestRow
from hyper.study.pair.listed import Listed

SHOWN_COHORTS = 20


@dataclass(frozen=True)
class Judged:
    """What is left, each with its length, and why the rest is not."""

    rows: Sequence[ManifestRow]
    seconds: Sequence[float]  # of each row
    problems: dict[str, list[str]]  # what follows their number: files that it is true of


def judge(rows: Sequence[ManifestRow], window_seconds: float) -> Judged:
    """Look at each recording as far as that is cheap: no sound is decoded."""
    problems: dict[str, list[str]] = defaultdict(list)
    left: list[tuple[ManifestRow, float]] = []
    copies = _copies(rows)
    for i, row in enumerate(rows):
        problem, seconds = _problem(row, i in copies, window_seconds)
        if problem:
            problems[problem].append(row.file)
        else:
            left.append((row, seconds))
    return Judged([row for row, _ in left], [seconds for _, seconds in left], dict(problems))


def _problem(row: ManifestRow, is_copy: bool, window_seconds: float) -> tuple[str, float]:
    """What keeps a recording from being used ("" where nothing does), and its length in seconds."""
    if not row.reference:
        return "without a reference: nobody knows what was meant", 0.0
    if not row.speaker:
        return "without a speaker: nobody knows whether the test speakers are among them", 0.0
    if is_copy:
        return "listed before, byte for byte the same", 0.0
    try:
        seconds = audio_seconds(row.path)
    except AudioError:
        return "unreadable: missing, empty, damaged or no sound", 0.0
    if seconds > window_seconds:
        return f"longer than the {window_seconds:g} s that this Whisper hears at once", seconds
    if seconds < MIN_SECONDS:
        return f"shorter than {MIN_SECONDS} s", seconds
    return "", seconds


def _copies(rows: Sequence[ManifestRow]) -> set[int]:
    """Places of rows whose file is, byte for byte, that of an earlier row; only files of one size are read."""
    by_size: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if row.path.is_file() and (size := row.path.stat().st_size):
            by_size[size].append(i)
    return {i for alike in by_size.values() if len(alike) > 1 for i in _later(rows, alike)}


def _later(rows: Sequence[ManifestRow], alike: Sequence[int]) -> Iterator[int]:
    seen: set[bytes] = set()
    for i in alike:
        digest = _digest(rows[i].path)
        if digest in seen:
            yield i
        seen.add(digest)


def _digest(path: Path) -> bytes:
    """Of the file; one that may not be read is like no other."""
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        return str(path).encode()


def data_table(listed: Listed, judged: Judged, note: str) -> str:
    """What there is, by cohort, and what is wrong with the rest, each with its number."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(judged.rows):
        groups[row.cohort + (" (simulated)" if row.simulated else "")].append(i)
    most = sorted(groups, key=lambda name: (name != TYPICAL, -len(groups[name])))
    lines = [("cohort", "recordings", "hours", "speakers")]
    lines += [_line(name, judged, groups[name]) for name in most[:SHOWN_COHORTS]]
    if len(most) > SHOWN_COHORTS:
        others = [i for name in most[SHOWN_COHORTS:] for i in groups[name]]
        lines.append(_line(f"{len(most) - SHOWN_COHORTS} more cohorts", judged, others))
    lines.append(_line("all that can be used", judged, range(len(judged.rows))))
    told = [f"{listed.kind}; {len(listed.rows) + listed.left_out.total():,} recordings", aligned(lines)]
    told += [line for line in (listed.terms, note) if line]
    return "\n".join([*told, *_problem_lines(listed.left_out, judged.problems)])


def _line(name: str, judged: Judged, places: Sequence[int]) -> tuple[str, str, str, str]:
    hours = sum(judged.seconds[i] for i in places) / 3600
    return name, f"{len(places):,}", f"{hours:.2f}", f"{len({judged.rows[i].speaker for i in places}):,}"


def _problem_lines(left_out: Counter[str], problems: dict[str, list[str]]) -> list[str]:
    lines = [f"{len(files):>7,} {told}; the first is {files[0]}" for told, files in problems.items()]
    lines += [f"{number:>7,} {told}" for told, number in left_out.most_common() if number]
    return ["left out:", *lines] if lines else ["nothing is wrong with them"]
