"""Greedy decoding against transformers' own `generate`, and when a row stops."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache

import pytest
import torch

from hyper.model.decoding import DecodedRow, greedy_decode, is_loop, said_once, third_time, token_limit
from hyper.model.lora import LoraWeights

LIMIT = 30


def random_lora(backbone, batch: int, targets=("decoder.fc1",), strength: float = 0.3) -> LoraWeights:
    generator = torch.Generator().manual_seed(5)
    sites = backbone.sites(targets)
    a = tuple(torch.randn(batch, 2, s.d_in, generator=generator) / s.d_in**0.5 for s in sites)
    b = tuple(strength * torch.randn(batch, s.d_out, 2, generator=generator) for s in sites)
    return LoraWeights(sites, a, b, scaling=0.7)


def merged(backbone, lora: LoraWeights, row: int):
    """A copy of the model that holds the update of one row in its weights."""
    model = copy.deepcopy(backbone.model)
    for i, site in enumerate(lora.sites):
        model.get_submodule(site.name).weight.data += lora.delta(row, i)
    return model


def generated(model, log_mel: torch.Tensor, backbone, limit: int = LIMIT, language: str = "en") -> tuple[int, ...]:
    """What transformers writes after the prompt, up to the end token."""
    choice = {"language": language, "task": "transcribe"} if backbone.is_multilingual else {}
    output = model.generate(
        log_mel, max_new_tokens=limit, num_beams=1, do_sample=False, return_dict_in_generate=True, **choice
    )
    tokens = output.sequences[0, len(backbone.prompt()) :].tolist()
    end = backbone.end_token
    return tuple(tokens[: tokens.index(end)] if end in tokens else tokens)


def assert_same(row: DecodedRow, expected: tuple[int, ...], limit: int = LIMIT) -> None:
    """Token for token; a row that stopped for repetition has the beginning, as generate knows no such stop."""
    assert len(row.log_probs) == len(row.tokens)
    if row.stopped == "repetition":
        assert row.tokens == expected[: len(row.tokens)]
        return
    assert row.tokens == expected
    assert (row.stopped == "length") == (len(row.tokens) == limit)


@pytest.fixture(scope="module")
def base_of(request, speech_like) -> Callable[[str, int], tuple[torch.Tensor, tuple[int, ...]]]:
    """The log-mel of a recording, and what transformers writes of it with a model of these fixtures."""

    @cache
    def write(model: str, seed: int) -> tuple[torch.Tensor, tuple[int, ...]]:
        backbone = request.getfixturevalue(model)
        log_mel = backbone.log_mel([speech_like(2.0 + seed / 2, seed)])
        return log_mel, generated(backbone.model, log_mel, backbone)

    return write


@pytest.mark.parametrize("model", ["backbone", "hub_backbone"])
@pytest.mark.parametrize("targets", [("decoder.fc1",), ("decoder.fc2", "decoder.q_proj", "decoder.cross_k_proj")])
def test_base_row_equals_generate_and_adapted_row_equals_generate_with_merged_weights(model, targets, request, base_of):
    backbone = request.getfixturevalue(model)
    lora = random_lora(backbone, batch=1, targets=targets)
    merged_model = merged(backbone, lora, 0)
    transcripts = set()
    for seed in range(3 if model == "backbone" else 2):
        log_mel, written = base_of(model, seed)
        states = backbone.encode(log_mel)[-1]
        with backbone.adapted(LoraWeights.joined([lora.scaled(0.0), lora])) as applied:
            base, adapted = greedy_decode(backbone, states.expand(2, -1, -1), LIMIT, applied=applied)
        assert_same(base, written)
        assert_same(adapted, generated(merged_model, log_mel, backbone))
        assert base.tokens != adapted.tokens
        transcripts |= {base.tokens, adapted.tokens}
    assert len(transcripts) > 2  # recordings differ as well, or the rest proves little


def test_suppressed_tokens_matter(hub_backbone, backbone, speech_like):
    """Without the suppressed tokens the same rows would read otherwise: the comparison with generate covers them."""
    states = backbone.encode(backbone.log_mel([speech_like(3.0, seed) for seed in range(6)]))[-1]
    rows = greedy_decode(backbone, states, LIMIT)
    assert not {token for row in rows for token in row.tokens} & set(backbone.suppressed)
    assert not {row.tokens[0] for row in rows if row.tokens} & set(backbone.begin_suppressed)
    free = copy.copy(backbone)
    free._generation = copy.deepcopy(backbone._generation)
    free._generation.suppress_tokens = free._generation.begin_suppress_tokens = None
    assert greedy_decode(free, states, LIMIT) != rows
    assert hub_backbone.suppressed[:3] == (1, 2, 7) and hub_backbone.begin_suppressed == (220, 50257)


def test_each_row_is_what_it_is_alone_however_many_are_dropped(backbone, speech_like):
    """Rows with limits from 1 to 40 end at all times; the batch narrows several times on the way."""
    lora = random_lora(backbone, batch=12)
    states = backbone.encode(backbone.log_mel([speech_like(2.0, seed) for seed in range(12)]))[-1]
    limits = [1, 2, 3, 5, 7, 9, 12, 15, 20, 25, 30, 40]
    widths = []
    watch = backbone.model.model.decoder.layer_norm.register_forward_hook(
        lambda _norm, _inputs, output: widths.append(len(output))
    )
    with backbone.adapted(lora) as applied:
        together = greedy_decode(backbone, states, limits, applied=applied)
    watch.remove()
    assert widths[0] == 12 and widths[-1] <= 2 and len(set(widths)) >= 3
    for i, row in enumerate(together):
        with backbone.adapted(lora.row(i)) as applied:
            (alone,) = greedy_decode(backbone, states[i : i + 1], limits[i], applied=applied)
        assert row.tokens == alone.tokens and row.stopped == alone.stopped
        assert row.log_probs == pytest.approx(alone.log_probs, abs=1e-3)
    assert {row.stopped for row in together} >= {"length"}


def test_log_probs_are_those_of_the_tokens_given_all_before(backbone, speech_like):
    states = backbone.encode(backbone.log_mel([speech_like(2.0)]))[-1]
    (row,) = greedy_decode(backbone, states, 12)
    prompt = backbone.prompt()
    with torch.no_grad():  # the whole transcript at once, without a cache
        logits = backbone.model(
            encoder_outputs=(states,), decoder_input_ids=torch.tensor([[*prompt, *row.tokens]])
        ).logits[0]
    logits = logits[len(prompt) - 1 : -1]  # (n_tokens, vocabulary)
    logits[:, backbone.suppressed] = -torch.inf
    logits[0, list(backbone.begin_suppressed)] = -torch.inf
    expected = logits.log_softmax(dim=-1).gather(1, torch.tensor(row.tokens)[:, None])[:, 0]
    assert row.log_probs == pytest.approx(expected.tolist(), abs=1e-4)
    assert all(log_prob <= 0 for log_prob in row.log_probs)


def test_no_speech_probability_is_read_after_the_start_token(backbone, speech_like):
    states = backbone.encode(backbone.log_mel([speech_like(2.0)]))[-1]
    start = torch.tensor([backbone.prompt()[:1]])
    with torch.no_grad():
        logits = backbone.model(encoder_outputs=(states,), decoder_input_ids=start).logits
    expected = logits[0, 0].softmax(dim=-1)[backbone.no_speech_token].item()
    assert greedy_decode(backbone, states, 3)[0].no_speech_prob == pytest.approx(expected, rel=1e-3)


def test_a_length_limit_for_each_row_and_for_all(backbone, speech_like):
    states = backbone.encode(backbone.log_mel([speech_like(2.0), speech_like(3.0, 1)]))[-1]
    first, second = greedy_decode(backbone, states, [2, 4])
    assert (len(first.tokens), first.stopped, len(second.tokens), second.stopped) == (2, "length", 4, "length")
    assert [len(row.tokens) for row in greedy_decode(backbone, states, 3)] == [3, 3]


def test_token_limit_grows_with_the_recording_up_to_the_model(backbone, hub_backbone):
    assert token_limit(1.0, hub_backbone) == 28
    assert token_limit(2.51, hub_backbone) == math.ceil(20.08) + 20
    assert token_limit(30.0, hub_backbone) == 260
    assert token_limit(600.0, hub_backbone) == token_limit(1.0, hub_backbone, "hi") == 448 - 4  # many a word
    assert token_limit(30.0, backbone) == 64 - 2  # its positions, less the prompt


def test_the_model_can_write_as_much_as_the_limit_allows(backbone, speech_like):
    states = backbone.encode(backbone.log_mel([speech_like(4.0, seed) for seed in range(4)]))[-1]
    rows = greedy_decode(backbone, states, token_limit(600.0, backbone))
    assert max(len(row.tokens) for row in rows) <= 62


def test_a_model_that_knows_no_english_is_not_asked_for_it(hub_backbone, monkeypatch):
    codes = {f"<|{code}|>": hub_backbone.prompt(code)[1] for code in ("de", "zh")}
    monkeypatch.setattr(hub_backbone.model.generation_config, "lang_to_id", codes)
    monkeypatch.setitem(vars(hub_backbone), "languages", ("de", "zh"))
    assert (token_limit(1.0, hub_backbone, "de"), token_limit(1.0, hub_backbone, "zh")) == (28, 444)


@pytest.mark.parametrize(
    "tokens, limit, expected",
    [
        ([7] * 12, 22, True),  # one token twelve times, of a moment
        ([7] * 11, 22, False),
        ([7] * 14, 28, True),  # within a second
        ([7] * 13, 28, False),
        ([7] * 24, 400, True),  # however long it is
        ([7] * 23, 400, False),
        ([1, 2, 3, 4, 5, *[7] * 24], 60, True),  # after other words
        ([*[7] * 24, 1], 60, False),  # over again already
        ([1, 2, 3] * 8, 60, True),
        ([1, 2, 3] * 7, 60, False),  # "I want to" seven times in five seconds
        (list(range(10)) * 6, 60, True),
        (list(range(10)) * 5, 60, False),
        (list(range(11)) * 6, 60, False),  # a phrase longer than looked for
        ([1, 1, 1, 1], 22, False),  # "no no no no"
        (list(range(40)), 60, False),
        ([], 22, False),
    ],
)
def test_what_counts_as_a_loop(tokens, limit, expected):
    assert is_loop(tokens, limit) == expected


def test_a_word_that_a_stutterer_says_again_and_again_is_no_loop_however_many_tokens_it_takes():
    from hyper.model.backbone import Backbone

    bundled = Backbone.load("bundled", device="cpu")
    assert len(bundled.to_tokens("slippers")) > 3  # of a small vocabulary
    said, limit = "show me the red", token_limit(5.0, bundled)
    assert not is_loop(bundled.to_tokens(f"{said} {'slippers ' * 5}"), limit)
    assert is_loop(bundled.to_tokens(f"{said} {'slippers ' * 8}"), limit)


def test_a_row_in_a_loop_stops_and_the_other_goes_on(backbone, speech_like, monkeypatch):
    """A decoder whose row 0 always wants token 50, while row 1 counts upwards."""
    states = backbone.encode(backbone.log_mel([speech_like(2.0), speech_like(2.0, 1)]))[-1]
    count = iter(range(100, 200))

    def best(steps, _forbidden):
        n = len(steps._scores)
        return torch.tensor([50, next(count)])[-n:], torch.zeros(n)

    monkeypatch.setattr("hyper.model.decoding._Steps.best", best)
    loop, other = greedy_decode(backbone, states, 30)
    assert (loop.tokens, loop.stopped) == ((50,) * 15, "repetition")
    assert (other.tokens, other.stopped) == (tuple(range(100, 130)), "length")


@pytest.mark.parametrize(
    ("tokens", "forbidden"),
    [([], []), ([1], []), ([1, 1], [1]), ([1, 2], []), ([1, 2, 1, 2], [1]), ([3, 1, 1, 2, 1, 1, 2], [1])],
)
def test_what_would_begin_a_phrase_for_the_third_time(tokens, forbidden):
    assert third_time(tokens) == forbidden


def test_a_loop_is_cut_behind_the_first_time_that_it_says_its_phrase():
    said = (7, 8, *(1, 2, 3) * 6)
    row = DecodedRow(said, tuple(-0.1 * i for i in range(len(said))), "repetition", None)
    assert is_loop(said, 30)
    cut = said_once(row, 30)
    assert (cut.tokens, cut.log_probs) == ((7, 8, 1, 2, 3), row.log_probs[:5])


def test_where_loops_are_forbidden_no_phrase_is_said_three_times_running_and_each_token_is_as_likely_as_it_was(
    backbone, speech_like, monkeypatch
):
    """A model that would say 50 for ever, 51 where it may not, 52 where neither."""
    states = backbone.encode(backbone.log_mel([speech_like(2.0), speech_like(2.0, 1)]))[-1]
    wish = torch.full((backbone.scores(torch.zeros(1, states.shape[2])).shape[-1],), -9.0)
    wish[50], wish[51], wish[52] = 3.0, 2.0, 1.0
    monkeypatch.setattr("hyper.model.decoding._Steps._score", lambda _, hidden: wish.repeat(len(hidden), 1))
    for row in greedy_decode(backbone, states, 12, forbids_loops=True):
        assert row.tokens == (50, 50, 51, 50, 50, 51, 51, 50, 50, 51, 50, 50)
        assert row.log_probs == pytest.approx([float(wish.log_softmax(0)[token]) for token in row.tokens], abs=1e-4)
    assert greedy_decode(backbone, states, 12)[0].stopped == "repetition"


def test_bfloat16(whisper_folder, speech_like):
    from hyper.model.backbone import Backbone

    half = Backbone.load(whisper_folder, device="cpu", dtype=torch.bfloat16)
    log_mel = half.log_mel([speech_like(2.0)] * 2)  # two rows in both: another number of rows may round differently
    lora = random_lora(half, 1)
    with half.adapted(LoraWeights.joined([lora.scaled(0.0), lora])) as applied:
        base, adapted = greedy_decode(half, half.encode(log_mel)[-1], LIMIT, applied=applied)
    assert base.tokens and adapted.tokens and base.tokens != adapted.tokens
    assert_same(base, generated(half.model, log_mel.bfloat16(), half))
