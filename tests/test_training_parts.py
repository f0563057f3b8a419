"""Training's parts against independent answers: features, distortion, alignment, schedules, targets."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from hyper.model.passes import encode_frames
from hyper.recordings.audio import save_audio
from hyper.recordings.manifest import ManifestRow
from hyper.simulate.phones import Phone, PhonesError, format_phones
from hyper.speech.grammar import DIGITS, TRAINING_PATTERNS, WORDS
from hyper.speech.phone_set import PHONES
from hyper.speech.texts import draw_command
from hyper.training.adaptation.teacher_forcing import IGNORED, teacher_batch
from hyper.training.base import features, trainer
from hyper.training.base.alignment import Alignment, align, cut
from hyper.training.base.augment import _limit_band, distort, mask, warp_frequency
from hyper.training.base.features import FLOOR, FeatureStore, log10_mel, phone_labels, whisper_scale
from hyper.training.base.settings import BaseTraining, TrainingError
from hyper.training.base.small_whisper import (
    BaseSize,
    ListeningHeads,
    characters_of,
    load_tokenizer,
    make_feature_extractor,
    make_model,
    mel_settings,
    plain_text,
    train_tokenizer,
)
from hyper.training.base.windows import Places, Pool, extend_ambience
from hyper.training.begun_with import RunError
from hyper.training.progress import Clock, Log, cosine, load_state, save_state, warm_hold_decay

TEXTS = ["turn on the lights", "turn off the lamp", "call my mother", "i need help", "don't go"] * 5


def test_features_equal_whispers_own_extractor() -> None:
    extractor = make_feature_extractor()
    waveform = 0.3 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 16_000).astype(np.float32)
    waveform[12_000:] += 0.01 * np.random.default_rng(0).standard_normal(12_000).astype(np.float32)
    window = np.pad(waveform, (0, extractor.n_samples - len(waveform)))
    ours = whisper_scale(torch.from_numpy(log10_mel(window, mel_settings(extractor))).float()[None])
    theirs = extractor(waveform, sampling_rate=16_000, return_tensors="pt").input_features
    # The extractor mirrors the edge where ours pads with silence: the first frame may differ. float16 gives the rest.
    assert torch.allclose(ours[:, :, 1:], theirs[:, :, 1:], atol=3e-3)


def test_each_frame_has_the_phone_at_its_centre() -> None:
    phones = [Phone("_", 0.0, 0.05, -1), Phone("aa", 0.05, 0.09, 0), Phone("s", 0.09, 0.12, 0)]
    labels = phone_labels(phones, 8, 50.0)  # centres 10, 30, 50, 70, 90, 110, 130, 150 ms
    assert [PHONES[i] for i in labels] == ["_", "_", "aa", "aa", "s", "s", "_", "_"]
    assert (phone_labels([], 3, 50.0) == -1).all()


def test_phones_of_another_set_are_one_sentence() -> None:
    with pytest.raises(PhonesError, match="There is no phone 'AA1' among those that train-base knows: _ aa ae"):
        phone_labels([Phone("AA1", 0.0, 0.1, 0)], 8, 50.0)


def test_a_feature_store_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "parallel", lambda function, tasks, *_: map(function, tasks))
    for name, seconds in (("a", 1.0), ("long", 10.1)):
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, int(16_000 * seconds))
        save_audio(tmp_path / f"{name}.wav", noise.astype(np.float32))
    rows = [ManifestRow(f"{n}.wav", tmp_path / f"{n}.wav", n) for n in ("a", "long", "gone")]
    settings = mel_settings(make_feature_extractor())
    assert FeatureStore.build(rows, tmp_path / "some", settings, n_workers=1).texts == ["a"]
    assert (
        "left out 2 of 3 recordings: over 10 s or not usable; the first is long.wav: It is 10.10 s long"
        in capsys.readouterr().out
    )
    for _ in range(2):
        with pytest.raises(
            RunError, match="None of 2 recordings can be trained on: .* over 10 s .* long.wav: It is 10.10 s long"
        ):
            FeatureStore.build(rows[1:], tmp_path / "none", settings, n_workers=1)


def test_a_base_whose_loss_is_no_number_ends_there() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    run = trainer.BaseTrainer.__new__(trainer.BaseTrainer)
    run.settings, run.clock, run.step, run.run = BaseTraining(), Clock(60.0), 7, Path("runs/base")
    run.optimizer = torch.optim.SGD([weight], 0.1)
    none = torch.zeros(())
    run._losses = lambda *_: {"text": weight.sum() * torch.nan, "phones": none, "characters": none}
    with pytest.raises(TrainingError, match="The loss is nan at update 8 of the run in runs/base: training diverged"):
        run._update(SimpleNamespace(utterances=[]), [])
    assert float(weight.detach()) == 1.0 and weight.grad is None


def test_who_listens_is_on_the_device_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = BaseSize(d_model=64, encoder_layers=1, decoder_layers=1, vocabulary=260)
    train_tokenizer(TEXTS, size.vocabulary, tmp_path / "tokenizer")
    modules = {"model": make_model(size, load_tokenizer(tmp_path / "tokenizer")), "heads": ListeningHeads(64)}
    save_state(tmp_path / "state.safetensors", modules, torch.optim.SGD(modules["heads"].parameters(), 0.1), {})
    (tmp_path / "size.json").write_text(json.dumps(asdict(size)))
    monkeypatch.setattr(trainer, "choose_device", lambda _: torch.device("meta"))
    assert {p.device.type for module in trainer.load_listener(tmp_path) for p in module.parameters()} == {"meta"}


def test_a_feature_store_reads_back_and_is_not_made_twice(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, seconds in (("a", 0.5), ("b", 1.0)):
        save_audio(tmp_path / f"{name}.wav", 0.1 * rng.standard_normal(int(16_000 * seconds)).astype(np.float32))
    save_audio(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    phones = format_phones([Phone("aa", 0.0, 0.5, 0)])
    rows = [ManifestRow(f"{n}.wav", tmp_path / f"{n}.wav", n, phones=phones) for n in ("a", "silent", "b")]
    settings = mel_settings(make_feature_extractor())
    store = FeatureStore.build(rows, tmp_path / "store", settings, n_workers=1)
    assert store.texts == ["a", "b"]  # the silent one cannot be used
    assert store.lengths.tolist() == [25, 50]
    assert PHONES[store.labels(1)[3]] == "aa"
    made = (tmp_path / "store" / "mel.f16").stat().st_mtime_ns
    FeatureStore.build(rows, tmp_path / "store", settings, n_workers=1)
    assert (tmp_path / "store" / "mel.f16").stat().st_mtime_ns == made


def test_no_end_of_a_recording_is_cut_off_where_it_is_slowed(tmp_path: Path) -> None:
    """Its text is taught in whole, so all of it must be heard."""
    save_audio(tmp_path / "a.wav", np.sin(np.arange(round(3.8 * 16_000)) / 9).astype(np.float32))
    phones = format_phones([Phone("aa", 0.0, 3.7, 0), Phone("iy", 3.7, 3.8, 0)])
    rows = [ManifestRow("a.wav", tmp_path / "a.wav", "a", phones=phones)]
    store = FeatureStore.build(rows, tmp_path / "store", mel_settings(make_feature_extractor()), n_workers=1)
    assert store.lengths.tolist() == [190]  # the least window has 192
    batch = Pool([store], [1.0]).draw(200, 1.0, np.random.default_rng(0))
    assert (batch.labels == PHONES.index("iy")).any(dim=1).all()


def random_mel(batch: int = 3, n_frames: int = 40) -> torch.Tensor:
    mel = torch.rand(batch, n_frames, 80, generator=torch.Generator().manual_seed(0)) * 4 - 6
    mel[:, 30:] = FLOOR
    return mel


def test_a_batch_shows_its_recordings_as_numpy_interpolates_them() -> None:
    frames = torch.randn(90, 3, generator=torch.Generator().manual_seed(0))  # 40 of one recording, 50 of another
    lengths, first = torch.tensor([40, 50]), torch.tensor([0, 40])
    places = Places.of(lengths, torch.tensor([1.25, 0.8]), torch.tensor([5, 0]), 70)
    shown = places.between(frames, first)
    for row, (own, tempo, start, n) in enumerate([(frames[:40], 1.25, 5, 32), (frames[40:], 0.8, 0, 62)]):
        assert places.inside[row].nonzero().flatten().tolist() == list(range(start, start + n))
        for value in range(3):
            wanted = np.interp(np.arange(n) * tempo, np.arange(len(own)), own[:, value].numpy())
            assert shown[row, start : start + n, value].numpy() == pytest.approx(wanted, abs=1e-5)


def test_ambience_is_the_recordings_own_and_ends() -> None:
    mel = torch.full((1, 300, 4), FLOOR)
    inside = torch.zeros(1, 300, dtype=torch.bool)
    inside[:, 100:200] = True
    mel[:, 100:200] = -2.0
    mel[0, 110:114] = torch.tensor([-7.0, -7.1, -7.2, -7.3])[:, None]  # its four quietest frames
    heard = extend_ambience(mel, inside, torch.tensor([20]))
    around = torch.cat([heard[0, 50:100, 0], heard[0, 200:220, 0]])
    assert {round(float(value), 1) for value in around} == {-7.0, -7.1, -7.2, -7.3}
    assert (heard[0, :50] == FLOOR).all()
    assert (heard[0, 220:] == FLOOR).all()
    assert torch.equal(heard[:, 100:200], mel[:, 100:200])


def test_frequency_warp_moves_a_formant_and_one_is_identity() -> None:
    mel = torch.full((2, 1, 80), -6.0)
    mel[:, :, 20] = 0.0
    warped = warp_frequency(mel, torch.tensor([1.0, 1.5]))
    assert torch.equal(warped[0], mel[0])
    assert warped[1].argmax().item() == 30


def test_a_narrow_band_loses_what_is_outside_and_nothing_inside() -> None:
    mel = torch.zeros(2, 5, 81)
    narrow = _limit_band(mel, torch.tensor([[0.1], [0.0]]), torch.tensor([[0.7], [1.0]]))
    assert (narrow[0, :, :8] == -6).all()
    assert (narrow[0, :, 8:57] == 0).all()
    assert (narrow[0, :, 57:] == -6).all()
    assert torch.equal(narrow[1], mel[1])


def test_distortion_keeps_padding_and_does_nothing_at_strength_zero() -> None:
    mel = random_mel()
    assert torch.equal(distort(mel, 0.0), mel)
    torch.manual_seed(1)
    distorted = distort(mel, 1.0)
    assert (distorted[:, 30:] == FLOOR).all()
    assert not torch.allclose(distorted[:, :30], mel[:, :30], atol=0.1)
    torch.manual_seed(1)
    assert torch.equal(distorted, distort(mel, 1.0))
    assert torch.isfinite(distorted).all()


def test_noise_fills_the_quiet_but_spares_the_loud() -> None:
    mel = torch.full((64, 20, 80), -8.0)
    mel[:, 10] = 0.0
    torch.manual_seed(2)
    distorted = distort(mel, 1.0)
    contrast = distorted[:, 10].mean(dim=1) - distorted[:, 2].mean(dim=1)
    assert contrast.median() < 5  # was 8 everywhere
    assert contrast.min() > 0


def test_masks_hide_a_bounded_share() -> None:
    features = torch.arange(80 * 100).float().reshape(1, 80, 100).repeat(4, 1, 1)
    torch.manual_seed(3)
    hidden = mask(features, 1.0) != features
    assert 0 < hidden.float().mean() < 0.45
    assert torch.equal(mask(features, 0.0), features)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> WhisperForConditionalGeneration:
    size = BaseSize(d_model=64, encoder_layers=2, decoder_layers=1, vocabulary=270)
    torch.manual_seed(0)
    return make_model(size, train_tokenizer(TEXTS, 270, tmp_path_factory.mktemp("t"))).eval()


def test_the_short_encoder_equals_transformers_on_a_whole_window(small: WhisperForConditionalGeneration) -> None:
    features = torch.randn(2, 80, 500, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = encode_frames(small, features)
        theirs = small.model.encoder(features).last_hidden_state
        assert torch.allclose(ours, theirs, atol=1e-5)
        assert encode_frames(small, features[:, :, :128]).shape == (2, 64, 64)


def test_initialisation_is_not_swamped_by_positions(small: WhisperForConditionalGeneration) -> None:
    encoder = small.model.encoder
    with torch.no_grad():
        hidden = torch.nn.functional.gelu(encoder.conv1(torch.randn(2, 80, 500)))
        sound = torch.nn.functional.gelu(encoder.conv2(hidden)).std()
    assert 0.5 < sound / encoder.embed_positions.weight.std() < 3
    assert small.proj_out.weight is small.model.decoder.embed_tokens.weight


def test_the_tokenizer_writes_text_back(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 300, tmp_path)
    tokens = tokenizer.encode(" don't turn off the lights", add_special_tokens=False)
    assert tokenizer.decode(tokens) == " don't turn off the lights"
    assert tokenizer.convert_tokens_to_ids("<|startoftranscript|>") > max(tokens)


def test_teacher_batch_by_hand() -> None:
    inputs, targets = teacher_batch([[5, 6], [7]], prompt=(1, 2), end_token=9, max_length=100)
    assert inputs[:, :5].tolist() == [[1, 2, 5, 6, 9], [1, 2, 7, 9, 9]]
    assert targets[:, :5].tolist() == [[IGNORED, 5, 6, 9, IGNORED], [IGNORED, 7, 9, IGNORED, IGNORED]]
    assert inputs.shape == (2, 8)
    assert teacher_batch([[5] * 50], (1,), 9, max_length=16)[0].shape == (1, 16)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hello World, I'm OK", "hello world i'm ok"),
        ("Well—he’s  x-rayed: (3.5 of 1,200)!", "well he's x rayed 3.5 of 1,200"),
        ("U.S. salt & pepper, 5% more…", "u s salt & pepper 5% more"),
        ("a_b 'tis", "a b 'tis"),
    ],
)
def test_a_base_learns_plain_texts(text: str, plain: str) -> None:
    assert plain_text(text) == plain_text(plain) == plain
    assert len(characters_of(plain_text("Hello World, I'm OK"))) == len("hello world i'm ok")


def test_what_synthesisers_say_is_plain_already() -> None:
    said = [*WORDS, *DIGITS, *(draw_command(np.random.default_rng(i), TRAINING_PATTERNS) for i in range(300))]
    assert [plain_text(text) for text in said] == said


def test_characters_leave_out_what_ctc_cannot_write() -> None:
    assert characters_of("ab' c!") == [3, 4, 2, 1, 5]


def posteriors(labels: list[str], confidence: float = 0.9) -> np.ndarray:
    """(n_frames, n_phones): each frame sure of one phone."""
    rest = (1 - confidence) / (len(PHONES) - 1)
    table = np.full((len(labels), len(PHONES)), rest)
    table[np.arange(len(labels)), [PHONES.index(label) for label in labels]] = confidence
    return np.log(table)


def expected(*words: str) -> list[Phone]:
    return [Phone(symbol, 0.0, 0.0, w) for w, word in enumerate(words) for symbol in word.split()]


def test_alignment_finds_boundaries_pauses_and_words() -> None:
    labels = ["_"] * 5 + ["k"] * 4 + ["ae"] * 6 + ["_"] * 7 + ["t"] * 3 + ["uw"] * 8 + ["_"] * 2
    found = align(posteriors(labels), expected("k ae", "t uw"), 50.0)
    assert [(p.symbol, round(p.start * 50), round(p.end * 50), p.word) for p in found.phones] == [
        ("_", 0, 5, -1), ("k", 5, 9, 0), ("ae", 9, 15, 0), ("_", 15, 22, -1),
        ("t", 22, 25, 1), ("uw", 25, 33, 1), ("_", 33, 35, -1),
    ]  # fmt: skip
    assert found.score == pytest.approx(np.log(0.9))


def test_alignment_passes_over_a_phone_that_was_not_said() -> None:
    labels = ["k"] * 5 + ["ae"] * 8 + ["_"] * 3
    found = align(posteriors(labels, 0.999), expected("k s ae"), 50.0)
    assert [p.symbol for p in found.phones] == ["k", "ae", "_"]


def test_alignment_of_too_little_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="2 frames cannot be aligned with 14 phones"):
        align(posteriors(["k", "k"]), expected("k ae t " * 4), 50.0)


def test_pieces_hold_every_word_once_and_fit() -> None:
    phones = [Phone("_", 0.0, 0.2, -1)]
    for word in range(40):
        start = 0.2 + 0.5 * word
        phones += [Phone("aa", start, start + 0.4, word), Phone("_", start + 0.4, start + 0.5, -1)]
    pieces = cut(phones, 40, 20.4, np.random.default_rng(0))
    assert [w for p in pieces for w in range(p.first_word, p.last_word + 1)] == list(range(40))
    assert all(p.end - p.start <= 6.7 for p in pieces)
    for piece in pieces:
        words = [p.word for p in piece.phones if p.word >= 0]
        assert words == list(range(piece.last_word - piece.first_word + 1))
        assert min(p.start for p in piece.phones) >= 0
    assert cut((), 0, 1.0, np.random.default_rng(0)) == []
    assert Alignment((), 0.0).phones == ()


def test_schedules_by_hand() -> None:
    assert warm_hold_decay(0.0, 0, warm_up=10) == pytest.approx(0.1)
    assert warm_hold_decay(0.4, 100, warm_up=10) == 1.0
    assert warm_hold_decay(0.75, 100, warm_up=10) == pytest.approx(0.51)
    assert warm_hold_decay(1.0, 100, warm_up=10) == pytest.approx(0.02)
    assert cosine(0.5, 100, warm_up=10) == pytest.approx(0.5)
    assert cosine(1.0, 100, warm_up=10) == pytest.approx(0.0)


def test_a_clock_counts_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, *range(1, 11), 501.0, 700.0, 709.0])
    monkeypatch.setattr("hyper.training.progress.time.monotonic", lambda: float(next(times)))
    clock = Clock(100.0)
    for _ in range(10):
        clock.tick()
    assert clock.spent == 10.0
    clock.tick()  # 491 s: the process was asleep
    assert clock.spent == 11.0
    clock.restart()
    clock.tick()  # 9 s: slow, but it was work
    assert (clock.spent, clock.progress) == (20.0, 0.2)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()


def make_pair() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    return model, torch.optim.AdamW(model.parameters(), 0.1)


def test_a_resumed_run_goes_on_exactly(tmp_path: Path) -> None:
    straight, optimizer = make_pair()
    for _ in range(4):
        step(straight, optimizer)
    first, optimizer = make_pair()
    for _ in range(2):
        step(first, optimizer)
    save_state(tmp_path / "state.safetensors", {"m": first}, optimizer, {"step": 2, "spent": 1.5})
    second, optimizer = make_pair()
    numbers = load_state(tmp_path / "state.safetensors", {"m": second}, optimizer)
    for _ in range(2):
        step(second, optimizer)
    assert numbers == {"step": 2.0, "spent": 1.5}
    assert torch.equal(second.weight, straight.weight)
    assert not torch.equal(second.weight, first.weight)


def test_a_log_goes_on_in_the_same_file(tmp_path: Path) -> None:
    Log(tmp_path / "log.jsonl").write(step=1, loss=0.123456789)
    log = Log(tmp_path / "log.jsonl")
    log.write(step=2)
    assert log.read() == [{"step": 1, "loss": 0.12346}, {"step": 2}]


FREED_BYTES = """
import psutil, torch
from hyper.training.adaptation.memory import return_freed_tensors
return_freed_tensors()
torch.ones(8 << 20, dtype=torch.uint8)  # freed: from here on glibc would keep blocks of this size in its heap
held = [torch.ones(6 << 20, dtype=torch.uint8) for _ in range(40)]
before = psutil.Process().memory_info().rss
del held[:-1]  # the last one lies above them
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries return freed memory by themselves")
def test_freed_tensors_go_back_to_the_system() -> None:
    """In a process of its own, whose heap no other test has left full of holes."""
    freed = subprocess.run([sys.executable, "-c", FREED_BYTES], capture_output=True, text=True, check=True)
    assert int(freed.stdout) > 30 * (6 << 20)
