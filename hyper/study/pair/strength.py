"""How strongly to adapt: the strength at which validation speakers are understood best."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hyper.compare.evaluation import aligned
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcribe import RowWeights
from hyper.metrics.percent import percent
from hyper.metrics.word_errors import WordErrors, pooled, word_errors
from hyper.recordings.audio import load_audio
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import TYPICAL, ManifestRow
from hyper.recordings.whole_files import write_whole
from hyper.study.methods.method import KIND_SHARES
from hyper.study.pair.options import PairError

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)  # 0 is the base, set beside the others and never chosen
MOST_ROWS = 300  # validation recordings, drawn once
_BATCH = 8  # recordings, each decoded at every strength

Rates = Mapping[float, Mapping[str, float]]  # WER by strength, then of atypical and typical speech


def validation_rates(asr: PersonalizedAsr, rows: Sequence[ManifestRow], language: str) -> dict[float, dict[str, float]]:
    """WER at each strength, of atypical and of typical speech, as far as there is any.

    Errors: PairError where no word was to be said.
    """
    drawn = np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]
    errors: dict[tuple[float, str], list[WordErrors]] = defaultdict(list)
    for start in range(0, len(drawn), _BATCH):
        heard = _loaded([rows[i] for i in drawn[start : start + _BATCH]])
        if not heard:
            continue
        stopwatch = Stopwatch(asr.backbone.device)
        prepared = asr.prepare_many([waveform for _, waveform in heard], language, False, stopwatch)
        decoded = asr.decode_rows(prepared, [RowWeights(strength) for strength in STRENGTHS], stopwatch, _BATCH)
        for (row, _), transcripts in zip(heard, decoded, strict=True):
            kind = TYPICAL if row.cohort == TYPICAL else "atypical"
            for strength, transcript in zip(STRENGTHS, transcripts, strict=True):
                errors[strength, kind].append(word_errors(row.reference, transcript.text, language))
    rates: dict[float, dict[str, float]] = {strength: {} for strength in STRENGTHS}
    for (strength, kind), counts in errors.items():
        if (wer := pooled(counts).wer) is not None:
            rates[strength][kind] = wer
    if not rates[0.0]:
        raise PairError("No validation recording has a word to count, so no strength can be chosen; check their texts.")
    return rates


def _loaded(rows: Sequence[ManifestRow]) -> list[tuple[ManifestRow, np.ndarray]]:
    heard = []
    for row in rows:
        try:
            heard.append((row, load_audio(row.path)))
        except AudioError:  # silent, say; the score of the test lists such ones
            continue
    return heard


def weighed(rates: Mapping[str, float]) -> float:
    """Atypical and typical speech in the shares that training has them; one alone where that is all there is."""
    shares = {kind: KIND_SHARES[kind] for kind in rates}
    return sum(share * rates[kind] for kind, share in shares.items()) / sum(shares.values())


def best_strength(rates: Rates) -> float:
    """That with the fewest errors; of equals the nearest to what was trained, 1. The base, 0, cannot be chosen."""
    return min((s for s in rates if s), key=lambda strength: (weighed(rates[strength]), abs(strength - 1)))


def helps(rates: Rates) -> bool:
    """Whether the best strength leaves validation speakers fewer errors than the base."""
    return weighed(rates[best_strength(rates)]) < weighed(rates[0.0])


def rates_text(rates: Rates) -> str:
    """Every strength, the chosen one marked; and a plain word where the base is better."""
    chosen, kinds = best_strength(rates), sorted(rates[0.0])
    lines = [("strength", *(f"WER {kind}" for kind in kinds), "")]
    for strength, own in rates.items():
        mark = "chosen" if strength == chosen else "the base" if strength == 0 else ""
        lines.append((f"{strength:g}", *(percent(own[kind]) for kind in kinds), mark))
    told = [] if helps(rates) else ["adapting did not help the validation speakers at any strength"]
    return "\n".join([aligned(lines), *told])


def save_rates(rates: Rates, file: Path) -> None:
    """Keep them as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({f"{strength:g}": own for strength, own in rates.items()}, indent=1) + "\n")


def load_rates(file: Path) -> dict[float, dict[str, float]]:
    """Read what `save_rates` wrote."""
    return {float(strength): own for strength, own in json.loads(file.read_text()).items()}
