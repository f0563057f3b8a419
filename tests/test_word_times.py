"""Word times: against transformers' own from the same attentions, and against words whose times are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_pipeline import merged_model
from test_speech import needs_espeak
from transformers import WhisperForConditionalGeneration
from transformers.generation.utils import GenerateEncoderDecoderOutput

from hyper.compare import transcribe
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.word_times import WordTime, begun_with_sound
from hyper.model.alignment import token_starts
from hyper.model.decoding import greedy_decode
from hyper.model.passes import alignment_heads
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.recordings.resampling import resample
from hyper.speech.engines import Espeak

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def transformers_times(model, attentions, n_prompt, heads, n_states) -> np.ndarray:
    """Seconds, one for each token from the last of the prompt on, if a state were 20 ms."""
    tokens = torch.zeros(1, attentions[0].shape[2], dtype=torch.long)
    output = GenerateEncoderDecoderOutput(cross_attentions=[attentions], sequences=tokens)
    times = model._extract_token_timestamps(output, heads, num_frames=2 * n_states, num_input_ids=n_prompt - 1)
    return times[0, n_prompt - 1 : -1].numpy()


def test_random_weights_are_warped_as_transformers_does(backbone):
    generator = torch.Generator().manual_seed(0)
    for n_tokens, n_states in ((12, 60), (2, 40), (30, 35)):
        weights = (3 * torch.randn(2, n_tokens, n_states, generator=generator)).softmax(dim=-1)
        attentions = (weights[None],) * 2
        expected = transformers_times(backbone.model, attentions, 1, [[0, 0], [1, 1]], n_states)
        np.testing.assert_allclose(0.02 * token_starts(weights), expected, atol=1e-6)


def test_heads_that_only_a_teacher_has_are_passed_over(backbone, monkeypatch):
    """As in a distilled model with its teacher's generation_config.json."""
    settings = backbone.model.generation_config
    monkeypatch.setattr(settings, "alignment_heads", [[25, 6], [1, 1], [1, 15]], raising=False)
    assert alignment_heads(backbone.model) == [(1, 1)]
    monkeypatch.setattr(settings, "alignment_heads", [[25, 6]], raising=False)
    assert alignment_heads(backbone.model) == [(1, 0), (1, 1)]


@pytest.mark.parametrize("chosen", [None, [[0, 1], [1, 0]]])
def test_tokens_begin_where_transformers_says(backbone, whisper_folder, speech_like, monkeypatch, chosen):
    monkeypatch.setattr(backbone.model.generation_config, "alignment_heads", chosen, raising=False)
    eager = WhisperForConditionalGeneration.from_pretrained(whisper_folder, attn_implementation="eager").eval()
    prompt, found, stopped = backbone.prompt(), set(), set()
    states = backbone.encode(backbone.log_mel([speech_like(3.0, seed) for seed in range(6)]))[-1]
    limits = [14, 3, 14, 9, 14, 14]  # rows that end early are dropped
    rows = greedy_decode(backbone, states, limits, speech_states=[75] * 6)
    for row, heard in zip(rows, states, strict=True):
        read = row.tokens if row.stopped == "end" else row.tokens[:-1]  # the last one was not read any more
        tokens = torch.tensor([[*prompt, *read]])
        with torch.no_grad():
            decoder = eager.model.decoder
            told = decoder(input_ids=tokens, encoder_hidden_states=heard[None], output_attentions=True, use_cache=False)
        heads = chosen or [[1, 0], [1, 1]]  # of two layers the second
        expected = transformers_times(eager, told.cross_attentions, len(prompt), heads, 75)
        assert len(row.starts) == len(row.tokens) + 1
        np.testing.assert_allclose(0.02 * np.array(row.starts[: len(read) + 1]), expected, atol=1e-6)
        assert row.stopped == "end" or row.starts[-1] == 75  # an end that nobody read is where the speech ends
        found |= set(row.starts)
        stopped.add(row.stopped)
    assert len(found) > 4  # or nothing was warped
    assert {"end", "length"} <= stopped


def test_a_state_that_no_token_reads_says_nothing():
    weights = torch.zeros(1, 3, 12)
    for token in range(3):
        weights[0, token, 4 * token : 4 * token + 3] = 1 / 3
    assert token_starts(weights).tolist() == pytest.approx([0, 4, 8], abs=1)


def test_words_of_pieces_come_one_after_the_other_and_each_row_reads_with_its_own_weights(
    backbone, make_hypernet, speech_like
):
    targets = ("encoder.fc1", "decoder.fc1", "decoder.cross_k_proj")
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=targets), "random")
    comparison = asr.compare(speech_like(9.0))
    assert comparison.n_pieces > 1
    for row, times in zip(comparison.rows, comparison.word_times, strict=True):
        assert [time.word for time in times] == [word.word for word in row.words]
        flat = [seconds for time in times for seconds in (time.start, time.end)]
        assert flat == sorted(flat) and 4.0 < flat[-1] <= 9.0
    record = comparison.to_json()["word_times"]
    assert record["adapted"][0].keys() == {"word", "start", "end"}
    assert not any(module._forward_hooks for module in backbone.model.modules())


def test_a_short_recording_is_timed_without_the_silence_that_it_is_heard_after(asr, speech_like):
    comparison = asr.compare(speech_like(0.4))
    starts = np.array(comparison.base.transcript.starts[0])
    assert starts[-1] <= 15  # states of 40 ms: 0.2 s of silence, then 0.4 s
    flat = [seconds for word in comparison.word_times.base for seconds in (word.start, word.end)]
    expected = np.clip(0.04 * starts - 0.2, 0, 0.4)
    assert len(flat) > 2 and set(np.round(flat, 6)) <= set(np.round(expected, 6))
    assert flat[-1] == pytest.approx(expected[-1]) and flat[-1] > 0


def test_no_more_rows_are_followed_at_once_than_there_is_memory_for(asr, speech_like, monkeypatch):
    whole, n_rows, decode = asr.compare(speech_like(9.0)), [], transcribe.greedy_decode

    def noted(backbone, states, limits, *rest, **more):
        n_rows.append(len(limits))
        return decode(backbone, states, limits, *rest, **more)

    monkeypatch.setattr(transcribe, "greedy_decode", noted)
    assert asr.compare(speech_like(9.0)).word_times == whole.word_times
    assert n_rows == [2 * whole.n_pieces] and whole.n_pieces > 1
    n_rows.clear()
    monkeypatch.setattr(transcribe, "FOLLOWED_BYTES", 1)
    assert asr.compare(speech_like(9.0)).word_times == whole.word_times
    assert n_rows == whole.n_pieces * [2]  # base and adapted of one piece at least


@pytest.mark.parametrize("target", ["decoder.fc1", "encoder.fc1"])
@pytest.mark.parametrize("strength", [1.0, 0.0])
def test_each_row_is_read_with_the_weights_that_wrote_it(backbone, make_hypernet, speech_like, target, strength):
    waveform = speech_like(3.0)
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=(target,)), "random")
    comparison = asr.compare(waveform, strength=strength)
    alone = PersonalizedAsr(backbone, None, "random").compare(waveform)
    assert comparison.word_times.base == alone.word_times.base
    model = merged_model(asr, waveform) if strength else backbone.model
    merged = PersonalizedAsr(backbone.with_model(model), None, "random").compare(waveform)
    assert merged.base.transcript.tokens == comparison.adapted.transcript.tokens
    assert comparison.word_times.adapted == merged.word_times.base
    assert (comparison.word_times.adapted != alone.word_times.base) == bool(strength)


def test_the_first_word_begins_with_the_sound_and_not_with_the_silence_before_it():
    asr = PersonalizedAsr.load(device="cpu")
    said = load_audio(EXAMPLES / "dysarthria_severe.wav")
    room = 1e-4 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    (first, *_), (late, *_) = (asr.compare(x).word_times.adapted for x in (said, np.concatenate([room, said])))
    assert (late.word, first.word) == ("my", "my")
    assert 2 < late.start < late.end < 2.5
    assert late.start - 2 == pytest.approx(first.start, abs=0.03)


@pytest.mark.parametrize(
    ("sounds", "end", "begins"),
    [
        ([(3.0, 3.4)], 3.4, 3.0),  # silence before
        ([(0.1, 0.2), (3.0, 3.4)], 3.4, 3.0),  # and a door before the silence
        ([(0.5, 3.4)], 3.4, 0.5),  # a prolonged sound: longer than any other word, but without a pause
        ([(3.0, 3.4)], 2.0, 1.2),  # sound behind the word's end tells nothing: twice the median of 0.4 s
        ([], 3.4, 2.6),
    ],
)
def test_where_the_first_word_of_a_piece_begins(sounds, end, begins):
    waveform = 1e-4 * np.random.default_rng(0).standard_normal(5 * SAMPLE_RATE)
    for first, last in sounds:
        waveform[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)] *= 1000
    starts = (end, end + 0.4, end + 0.8)
    words = [WordTime("turn", 0.0, end), *(WordTime("on", start, start + 0.4) for start in starts)]
    late = [WordTime(word, 10 + start, 10 + stop) for word, start, stop in words]
    word, start, stop = begun_with_sound(late, waveform, 10.0)
    assert (word, stop) == ("turn", 10 + end) and start == pytest.approx(10 + begins, abs=0.021)


SAID = ("turn on the lights in the kitchen", "open the window in the bedroom", "set a timer for ten minutes")
BEFORE_SECONDS = 0.4  # of silence before the first word


@needs_espeak
def test_words_are_where_the_synthesiser_said_them():
    asr, espeak = PersonalizedAsr.load(), Espeak()
    off = []
    for text in SAID:
        spoken = espeak.speak(text, "en-us", rate=150)
        silence = np.zeros(round(BEFORE_SECONDS * SAMPLE_RATE), np.float32)
        waveform = np.concatenate([silence, resample(spoken.samples, spoken.sample_rate, SAMPLE_RATE), silence])
        known: dict[int, float] = {}
        for phone in spoken.phones:
            known.setdefault(phone.word, phone.start)  # espeak runs short words together: those have no start
        for times in asr.compare(waveform).word_times:
            if [time.word for time in times] == text.split():
                off += [times[word].start - BEFORE_SECONDS - start for word, start in known.items() if word >= 0]
    assert len(off) > 15
    assert np.median(np.abs(off)) < 0.1  # seconds
