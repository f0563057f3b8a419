"""From encoded recordings to transcripts: the rows of a recording, each with its own weights, decoded in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from hyper.compare.guards import Heard, guard, heard_nobody
from hyper.compare.prepared import ENCODE_BATCH, Prepared
from hyper.compare.stopwatch import Stopwatch
from hyper.compare.transcript import Transcript
from hyper.model.backbone import Backbone
from hyper.model.decoding import DecodedRow, greedy_decode, said_once, token_limit
from hyper.model.lora import LoraWeights
from hyper.recordings.limits import SAMPLE_RATE

T = TypeVar("T")
FOLLOWED_BYTES = 400_000_000  # for what is kept while a batch is decoded, to tell where its tokens begin
STOPPED_WORST_FIRST = ("repetition", "length", "end")


@dataclass(frozen=True)
class RowWeights:
    """What a row is decoded with: each recording's own adaptation, or one that all recordings share."""

    strength: float  # 0 is the base, 1 as trained
    shared: LoraWeights | None = None  # one row, as trained; None: each recording's own

    def of(self, own: LoraWeights) -> LoraWeights:  # the pieces' own, one row each
        """As many rows as `own` has, at this strength."""
        return (own if self.shared is None else self.shared.repeat(len(own))).scaled(self.strength)


def transcribe_rows(
    backbone: Backbone,
    prepared: Sequence[Prepared],
    rows: Sequence[RowWeights],
    batch_size: int,
    stopwatch: Stopwatch,
    with_times: bool = False,  # where each token begins
) -> list[list[Transcript]]:
    """For each recording a transcript of each row, pieces joined.

    As many rows at once as base and adapted of `batch_size` pieces, but never fewer than one piece has.
    """
    pieces = [(each, piece) for each in prepared for piece in range(len(each.n_samples))]
    at_once = 2 * batch_size // max(2, len(rows))
    if with_times:
        at_once = min(at_once, FOLLOWED_BYTES // (len(rows) * _followed_bytes(backbone, pieces)))
    at_once = max(1, at_once)
    decoded: list[list[DecodedRow]] = [[] for _ in pieces]  # of each piece one for each row
    with backbone.lock, torch.inference_mode():
        n_states = [each.states.shape[1] for each, _ in pieces]
        for part in in_batches(range(len(pieces)), n_states, at_once):
            in_batch = _decode_part(backbone, [pieces[i] for i in part], rows, stopwatch, with_times)
            for place, i in enumerate(part):
                decoded[i] = in_batch[place :: len(part)]
    of_pieces = iter(decoded)
    of_recordings = [list(islice(of_pieces, len(each.n_samples))) for each in prepared]
    return [_transcripts(backbone, each, own) for each, own in zip(prepared, of_recordings, strict=True)]


def in_batches(items: Sequence[T], n_states: Sequence[int], at_once: int) -> Iterator[list[T]]:
    """At most `at_once` together and only those whose windows, so many states each, are of one length."""
    for length in dict.fromkeys(n_states):
        own = [item for item, other in zip(items, n_states, strict=True) if other == length]
        yield from (own[start : start + at_once] for start in range(0, len(own), at_once))


def _followed_bytes(backbone: Backbone, pieces: Sequence[tuple[Prepared, int]]) -> int:
    """What is kept of a row at most, to tell where its tokens begin: much where a model names no heads."""
    of_each = (backbone.followed_bytes(_limit(backbone, each, piece), each.states.shape[1]) for each, piece in pieces)
    return max(of_each, default=1)


def _limit(backbone: Backbone, prepared: Prepared, piece: int) -> int:
    return token_limit(prepared.n_samples[piece] / SAMPLE_RATE, backbone, prepared.language)


def _decode_part(
    backbone: Backbone,
    part: Sequence[tuple[Prepared, int]],
    rows: Sequence[RowWeights],
    stopwatch: Stopwatch,
    with_times: bool,
) -> list[DecodedRow]:
    """These pieces with the weights of the first row, then of the next, in one batch."""
    first = part[0][0]  # the language is one for all
    states = torch.stack([each.states[piece] for each, piece in part])
    limits = [_limit(backbone, each, piece) for each, piece in part]
    speech = [backbone.n_speech_states(each.n_samples[piece]) for each, piece in part] if with_times else None
    if first.lora is None:
        with stopwatch.stage("decode"):
            decoded = greedy_decode(backbone, states, limits, first.language, speech_states=speech)
            return without_loops(backbone, decoded, states, limits, first.language, speech_states=speech)
    own = LoraWeights.joined([each.lora_of(piece) for each, piece in part])
    weights = [row.of(own) for row in rows]
    with stopwatch.stage("encode"):  # adapted layers before the states: such rows have their own
        of_rows = [
            states if row.strength == 0 else states_with(backbone, lora, part, states)
            for row, lora in zip(rows, weights, strict=True)
        ]
    is_shared = all(own is states for own in of_rows)
    heard, copies = (states, len(rows)) if is_shared else (torch.cat(of_rows), 1)
    joined, limits, speech = LoraWeights.joined(weights), len(rows) * limits, speech and len(rows) * speech
    with stopwatch.stage("decode"):
        with backbone.adapted(joined, "decoder") as applied:
            decoded = greedy_decode(backbone, heard, limits, first.language, applied, copies, speech_states=speech)
        return without_loops(backbone, decoded, heard, limits, first.language, joined, speech)


def without_loops(
    backbone: Backbone,
    decoded: Sequence[DecodedRow],
    states: Tensor,  # (n_rows / copies, n_states, d_model) that they were decoded from
    limits: Sequence[int],
    language: str,
    lora: LoraWeights | None = None,  # that they were decoded with, one row each
    speech_states: Sequence[int] | None = None,  # of each row, where its tokens' starts are wanted
) -> list[DecodedRow]:
    """The rows, those that were stopped in a loop decoded once more with no phrase said a third time running.

    Where that finds no end either, what stood before the loop is left, with its phrase said once. They still tell that
    they were stopped in a repetition: what follows the place may be wrong.
    """
    looped = [i for i, row in enumerate(decoded) if row.stopped == "repetition"]
    if not looped:
        return list(decoded)
    of_looped, speech = [limits[i] for i in looped], speech_states and [speech_states[i] for i in looped]
    heard = states[[i % len(states) for i in looped]]
    with backbone.adapted(lora.take(looped), "decoder") if lora is not None else nullcontext() as applied:
        again = greedy_decode(backbone, heard, of_looped, language, applied, forbids_loops=True, speech_states=speech)
    mended = list(decoded)
    for i, row in zip(looped, again, strict=True):
        found = row if row.stopped == "end" else said_once(decoded[i], limits[i])
        mended[i] = replace(found, stopped="repetition")
    return mended


def states_with(
    backbone: Backbone,
    lora: LoraWeights,  # n_pieces rows, at their strength
    part: Sequence[tuple[Prepared, int]],
    base_states: Tensor,  # (n_pieces, n_states, d_model)
) -> Tensor:  # (n_pieces, n_states, d_model)
    """The states that the rows with these weights are decoded from."""
    if not lora.in_stack("encoder").sites:
        return base_states
    states = []
    for start in range(0, len(part), ENCODE_BATCH):
        windows = part[start : start + ENCODE_BATCH]
        embedded = torch.stack([each.embedded[piece] for each, piece in windows if each.embedded is not None])
        with backbone.adapted(lora.take(range(start, start + len(embedded))), "encoder") as applied:
            states.append(backbone.encode_again(embedded, applied))
    return torch.cat(states)


def _transcripts(backbone: Backbone, prepared: Prepared, decoded: Sequence[Sequence[DecodedRow]]) -> list[Transcript]:
    """Of one recording the transcript of each row; of each piece its rows are given."""
    heard = Heard(prepared.waveform)
    ends = np.cumsum(prepared.n_samples)[:-1]
    of_pieces = [Heard(piece) for piece in np.split(prepared.waveform, ends)]
    return [join_heard(backbone, own, heard, of_pieces) for own in zip(*decoded, strict=True)]


def join_heard(
    backbone: Backbone, pieces: Sequence[DecodedRow], whole: Heard, of_pieces: Sequence[Heard]
) -> Transcript:
    """`join_pieces`, without the words of pieces in which nobody speaks: one that speaks would excuse all others.

    Where nobody speaks in the whole recording they stay, as those of a single piece do: its flags tell.
    """
    joined = join_pieces(backbone, pieces)
    if len(pieces) == 1:
        return joined
    each = zip(pieces, of_pieces, strict=True)
    silent = [heard_nobody(guard(_joined(backbone, [piece]), heard)) for piece, heard in each]
    if not any(silent) or heard_nobody(guard(joined, whole)):
        return joined
    kept = [_silenced(piece) if is_silent else piece for piece, is_silent in zip(pieces, silent, strict=True)]
    told = [is_silent and _has_words(backbone, piece) for piece, is_silent in zip(pieces, silent, strict=True)]
    n_samples = sum(len(heard.waveform) for heard, is_told in zip(of_pieces, told, strict=True) if is_told)
    return replace(join_pieces(backbone, kept), silent_seconds=n_samples / SAMPLE_RATE)


def join_pieces(backbone: Backbone, pieces: Sequence[DecodedRow]) -> Transcript:
    """The transcript of all pieces of one recording."""
    return _joined(backbone, [_without_bare_marks(backbone, piece) for piece in pieces])


def _joined(backbone: Backbone, pieces: Sequence[DecodedRow]) -> Transcript:
    texts = [backbone.to_text(piece.tokens) for piece in pieces]
    no_speech = [piece.no_speech_prob for piece in pieces if piece.no_speech_prob is not None]
    return Transcript(
        text=" ".join(text for text in texts if text),
        tokens=tuple(token for piece in pieces for token in piece.tokens),
        log_probs=tuple(log_prob for piece in pieces for log_prob in piece.log_probs),
        stopped=min((piece.stopped for piece in pieces), key=STOPPED_WORST_FIRST.index),
        no_speech_prob=min(no_speech) if no_speech else None,
        piece_lengths=tuple(len(piece.tokens) for piece in pieces),
        starts=tuple(piece.starts for piece in pieces),
    )


def _without_bare_marks(backbone: Backbone, piece: DecodedRow) -> DecodedRow:
    """Empty where only punctuation was written, as Whisper does of noise (".") and of music ("♪"): nobody said that."""
    return piece if _has_words(backbone, piece) else replace(piece, tokens=(), log_probs=())


def _has_words(backbone: Backbone, piece: DecodedRow) -> bool:
    return any(map(str.isalnum, backbone.to_text(piece.tokens)))


def _silenced(piece: DecodedRow) -> DecodedRow:
    """Of a piece in which nobody speaks: how it stopped says nothing of the words that are left."""
    return replace(piece, tokens=(), log_probs=(), stopped="end")
