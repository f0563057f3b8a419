"""Tokens from encoder states, row order kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import torch
from torch import Tensor

from hyper.model.alignment import token_starts
from hyper.model.backbone import Backbone
from hyper.model.decoder import StepDecoder
from hyper.model.languages import IN_LATIN_LETTERS
from hyper.model.lora import AppliedLora

Stopped = Literal["end", "length", "repetition"]

TOKENS_PER_SECOND = 8  # fast speech has about 4 words a second, and a word about 1.5 tokens
SPARE_TOKENS = 20  # for short recordings: an utterance of one word may be spelt in many tokens
REPEATS = 6  # a phrase said so many times running is a loop ...
LEAST_REPEATED, MOST_REPEATED = 12, 24  # tokens: ... where it fills half of what the recording may take, within these
LONGEST_PHRASE = 10  # tokens


@dataclass(frozen=True)
class DecodedRow:
    """What one row wrote, without prompt and end token."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]  # natural logarithm, one per token
    stopped: Stopped
    no_speech_prob: float | None  # None where the model has no token for it
    # The state that each token begins at, and where the last ends; () where nobody asked
    starts: tuple[int, ...] = field(default=(), repr=False, compare=False)


@dataclass
class _Row:
    limit: int
    no_speech_prob: float | None
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    stopped: Stopped | None = None
    read: list[Tensor] = field(default_factory=list)  # before each token, each (n_heads, n_states)

    def take(self, token: int, log_prob: float, end_token: int) -> None:
        """Add a token, and stop where it is the last."""
        if token == end_token:
            self.stopped = "end"
            return
        self.tokens.append(token)
        self.log_probs.append(log_prob)
        if is_loop(self.tokens, self.limit):
            self.stopped = "repetition"
        elif len(self.tokens) >= self.limit:
            self.stopped = "length"

    def starts(self, n_states: int) -> tuple[int, ...]:
        """Where its tokens begin among so many states, and the last ends: with the speech where no end was read."""
        if not self.tokens or not self.read:
            return ()
        starts = token_starts(torch.stack(self.read, dim=1)[..., :n_states]).tolist()
        return (*starts, n_states)[: len(self.tokens) + 1]


def token_limit(seconds: float, backbone: Backbone, language: str = "en") -> int:
    """New tokens that a recording of this length may take: more would be a model that runs away.

    All that the model has in languages of other than Latin letters, which take many tokens a word.
    """
    room = backbone.max_target_positions - len(backbone.prompt(language))
    if language not in IN_LATIN_LETTERS:
        return room
    return min(math.ceil(TOKENS_PER_SECOND * seconds) + SPARE_TOKENS, room)


def is_loop(tokens: Sequence[int], limit: int) -> bool:
    """Whether the tokens end in one phrase that repeats without end in sight.

    Who stutters may well say a word five times, but not in a second: `limit`, of `token_limit`, tells how long it was.
    """
    return looping_phrase(tokens, limit) > 0


def looping_phrase(tokens: Sequence[int], limit: int) -> int:
    """Tokens of the phrase that they loop in, as `is_loop` finds it; 0 where they do not."""
    filled = min(max(LEAST_REPEATED, limit // 2), MOST_REPEATED)
    for phrase in range(1, LONGEST_PHRASE + 1):
        repeats = max(REPEATS, math.ceil(filled / phrase))
        tail = tokens[-phrase * repeats :]
        if len(tail) == phrase * repeats and tail[phrase:] == tail[:-phrase]:
            return phrase
    return 0


def said_once(row: DecodedRow, limit: int) -> DecodedRow:
    """A row that was stopped in a loop, up to and with the first time that it says the phrase."""
    phrase, tokens = looping_phrase(row.tokens, limit), row.tokens
    end = len(tokens)
    while phrase and end >= 2 * phrase and tokens[end - 2 * phrase : end - phrase] == tokens[end - phrase : end]:
        end -= phrase
    return replace(row, tokens=tokens[:end], log_probs=row.log_probs[:end], starts=row.starts[: end + 1])


def third_time(tokens: Sequence[int]) -> list[int]:
    """What would begin a phrase for the third time running."""
    phrases = range(1, min(LONGEST_PHRASE, len(tokens) // 2) + 1)
    return [tokens[-n] for n in phrases if tokens[-n:] == tokens[-2 * n : -n]]


@torch.inference_mode()
def greedy_decode(
    backbone: Backbone,
    states: Tensor,  # (rows / copies, n_states, d_model) encoder states, of the last layer
    max_new_tokens: int | Sequence[int],  # for all rows, or one for each
    language: str = "en",
    applied: AppliedLora | None = None,
    copies: int = 1,  # so many rows hear the same: all recordings, then all again
    forbids_loops: bool = False,  # no phrase is said a third time running
    speech_states: Sequence[int] | None = None,  # of each row; with them is told where its tokens begin
) -> list[DecodedRow]:
    """The likeliest token at each step, all rows in one key-value-cached pass.

    The caller wraps it in `Backbone.adapted` and hands over what that gives, so that ended rows can be dropped.
    """
    n_rows = copies * len(states)
    limits = [max_new_tokens] * n_rows if isinstance(max_new_tokens, int) else list(max_new_tokens)
    most = len(backbone.prompt(language)) + max(limits)
    decoder = backbone.decoder(states, most, applied, copies, follows=speech_states is not None)
    steps = _Steps(backbone, decoder, backbone.prompt(language), n_rows, applied)
    rows = [_Row(limit, p) for limit, p in zip(limits, steps.no_speech_probs(), strict=True)]
    active = list(range(n_rows))  # which row each row of the batch is
    while True:
        tokens, log_probs = steps.best([third_time(rows[i].tokens) for i in active] if forbids_loops else ())
        read = steps.read
        best = zip(active, tokens.tolist(), log_probs.tolist(), strict=True)
        for place, (i, token, log_prob) in enumerate(best):
            if rows[i].stopped is None:
                rows[i].take(token, log_prob, backbone.end_token)
                rows[i].read += read[place : place + 1]
        going = [position for position, i in enumerate(active) if rows[i].stopped is None]
        if not going:
            break
        if len(going) <= len(active) / 2:  # dropping copies the cache: not for each single row
            active = [active[position] for position in going]
            tokens = tokens[going]
            steps.keep(going)
        steps.advance(tokens)
    return [
        DecodedRow(tuple(r.tokens), tuple(r.log_probs), cast(Any, r.stopped), r.no_speech_prob, r.starts(n_states))
        for r, n_states in zip(rows, speech_states or [0] * n_rows, strict=True)
    ]


class _Steps:
    """The decoder between two tokens, and the scores of what comes next."""

    def __init__(
        self,
        backbone: Backbone,
        decoder: StepDecoder,  # that has read nothing yet
        prompt: tuple[int, ...],
        n_rows: int,
        applied: AppliedLora | None,
    ) -> None:
        self._backbone, self._decoder, self._applied = backbone, decoder, applied
        self._device = device = backbone.device
        self._never = torch.tensor(backbone.suppressed, device=device, dtype=torch.long)
        self._not_first = torch.tensor(backbone.begin_suppressed, device=device, dtype=torch.long)
        hidden = decoder.step(torch.tensor(prompt, device=device).expand(n_rows, -1))
        self._after_start = hidden[:, 0]  # (rows, d_model) after the start token, which comes first in every prompt
        self._scores = self._score(hidden[:, -1])  # (rows, vocabulary)
        self._scores[:, self._not_first] = -torch.inf

    @property
    def read(self) -> Sequence[Tensor]:
        """What was read after the last token, of each row (n_heads, n_states); () where the decoder follows nothing."""
        return () if self._decoder.read is None else self._decoder.read.unbind()

    def best(self, forbidden: Sequence[Sequence[int]] = ()) -> tuple[Tensor, Tensor]:
        """The likeliest token of each row that is not forbidden there, and its log-probability, both (rows,).

        What is forbidden keeps its probability: a token that only follows because of it is as unlikely as it was.
        """
        log_probs = self._scores.log_softmax(dim=-1)  # `logsumexp` takes ten times as long where scores lie far apart
        for row, tokens in enumerate(forbidden):
            self._scores[row, list(tokens)] = -torch.inf
        best = self._scores.argmax(dim=-1)
        return best, log_probs.gather(1, best[:, None])[:, 0]

    def no_speech_probs(self) -> list[float | None]:
        """What each row gives to its no-speech token after the start token, as openai/whisper reads it."""
        token = self._backbone.no_speech_token
        if token is None:
            return [None] * len(self._after_start)
        return self._backbone.scores(self._after_start).softmax(dim=-1)[:, token].tolist()

    def advance(self, tokens: Tensor) -> None:  # (rows,)
        """Read one more token in each row."""
        self._scores = self._score(self._decoder.step(tokens[:, None])[:, -1])

    def keep(self, positions: list[int]) -> None:
        """Drop all other rows of the batch."""
        index = torch.tensor(positions, device=self._device)
        self._decoder.keep(index)
        if self._applied is not None:
            self._applied.keep(index)

    def _score(self, hidden: Tensor) -> Tensor:  # (rows, d_model) -> (rows, vocabulary)
        logits = self._backbone.scores(hidden)
        logits[:, self._never] = -torch.inf
        return logits
