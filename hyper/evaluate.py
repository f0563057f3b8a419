"""Scoring of a manifest: base and adapted errors of every recording, pooled by group."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyper.manifest import ManifestRow, read_manifest
from hyper.metrics import word_errors
from hyper.model_options import add_model_arguments, load_asr
from hyper.report import Evaluation, Failure, ScoredUtterance, table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from hyper.comparison import Pair
    from hyper.pipeline import PersonalizedAsr

BATCHES_AT_ONCE = 4  # so many are sorted by length together; few enough for a bar that moves

EXAMPLES = """\
examples:
  python -m hyper evaluate examples/manifest.csv
  python -m hyper evaluate people.csv --limit 200 --json runs/people.json
  python -m hyper evaluate clinic.csv --base openai/whisper-small --hypernet runs/hypernet-small

columns of the manifest:
  file or path          recording, relative to the manifest's folder
  reference or text     the words that were meant; a line without them is transcribed and not scored
  speaker, cohort, severity, corpus, domain, voice (optional)   each becomes a group
  age (optional)        years; children under 16 become a group, and adults
  simulated (optional)  1 where a simulator made the recording atypical
"""


class EvaluationError(ValueError):
    """The manifest could not be scored, or the report could not be kept."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper evaluate`."""
    parser.add_argument("manifest", metavar="MANIFEST.csv", help="list of recordings; its columns stand below")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write every utterance and every group to this file")
    parser.add_argument("--language", default="en", metavar="CODE", help="spoken language (default: en)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="score only the first N recordings")
    parser.add_argument(
        "--batch-size", type=_positive, default=16, metavar="N", help="recordings decoded together (default: 16)"
    )
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score the manifest, write the report, print the table."""
    if args.json and args.json.is_dir():
        raise EvaluationError(f"--json names the folder {args.json}; it must name a file to write.")
    rows = read_manifest(args.manifest)[: args.limit]
    if args.json:  # before the hours of work, not after
        args.json.parent.mkdir(parents=True, exist_ok=True)
    asr = load_asr(args)
    evaluation = score_manifest(asr, rows, batch_size=args.batch_size, language=args.language, progress=True)
    for failure in evaluation.failures:
        print(f"skipped {failure.file}: {failure.reason}", file=sys.stderr)
    if args.json:
        report = json.dumps(evaluation.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
        args.json.write_text(report + "\n", encoding="utf-8")
    if not evaluation.groups:
        raise EvaluationError(
            f"None of the {len(rows)} recordings of {args.manifest} could be scored: "
            f"{len(evaluation.failures)} could not be read, the others have no reference."
        )
    print(f"{evaluation.base_model} + {evaluation.hypernetwork or 'no hypernetwork'} on {evaluation.device}")
    print(table(evaluation))


def _positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number


def score_manifest(
    asr: PersonalizedAsr,
    rows: Sequence[ManifestRow],
    *,
    batch_size: int = 16,
    language: str = "en",
    progress: bool = False,
    strength: float = 1.0,
    statistics_of: Callable[[ManifestRow], Tensor] | None = None,
) -> Evaluation:
    """Transcribe every recording and count its errors; one that cannot be read is listed and the others go on.

    `statistics_of` gives what the hypernetwork reads of a recording in place of its own statistics: those of another
    recording, say, or another kind of embedding.
    """
    import torch
    from tqdm import tqdm

    utterances: list[ScoredUtterance] = []
    failures: list[Failure] = []
    with tqdm(total=len(rows), unit="recording", disable=not progress) as bar:
        for start in range(0, len(rows), batch_size * BATCHES_AT_ONCE):
            part = rows[start : start + batch_size * BATCHES_AT_ONCE]
            readable = _load_readable(part, failures)
            statistics = (
                torch.stack([statistics_of(row) for row, _ in readable]) if statistics_of and readable else None
            )
            waveforms = [waveform for _, waveform in readable]
            pairs = asr.transcribe_pairs(
                waveforms, batch_size, language=language, strength=strength, statistics=statistics
            )
            utterances += [_scored(row, pair) for (row, _), pair in zip(readable, pairs, strict=True)]
            bar.update(len(part))
    return Evaluation(asr.base_model, asr.hypernetwork, asr.device, tuple(utterances), tuple(failures))


def _load_readable(rows: Sequence[ManifestRow], failures: list[Failure]) -> list[tuple[ManifestRow, np.ndarray]]:
    """The recordings that can be used, each (n_samples,); the others are added to `failures`."""
    from hyper.audio import AudioError, load_audio

    readable = []
    for row in rows:
        try:
            readable.append((row, load_audio(row.path)))
        except AudioError as error:
            failures.append(Failure(row.file, str(error)))
    return readable


def _scored(row: ManifestRow, pair: Pair) -> ScoredUtterance:
    """The transcripts with their errors, where the row has a reference."""
    base, adapted = pair.base, pair.adapted
    if not row.reference:
        return ScoredUtterance(row, base, adapted, None, None)
    adapted_errors = word_errors(row.reference, adapted.text) if adapted else None
    return ScoredUtterance(row, base, adapted, word_errors(row.reference, base.text), adapted_errors)
