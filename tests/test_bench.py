"""The bench: its three ways write the same tokens, and its figures come out of what it measured."""

from __future__ import annotations

import builtins
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from served import launched

from hyper.__main__ import main
from hyper.compare import bench_page, bench_rows, benchmark, faster_whisper
from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.shapes import SHAPES
from hyper.recordings.audio import load_audio
from hyper.training import gpu_suite
from hyper.ui import server
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_page, service_of
from hyper.ui.service import Service
from hyper.ui.tried_examples import TriedExamples
from tests.conftest import read_json


@pytest.fixture
def asr(backbone, make_hypernet):
    """A random model with a hypernetwork strong enough to change what is written."""
    return PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, alpha=3.0), "hypernet-random")


@pytest.mark.parametrize("layers", ["decoder.fc1", "encoder.fc1"])
def test_peft_and_two_rows_write_the_same_tokens(layers, backbone, make_hypernet, speech_like):
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, alpha=3.0, targets=(layers,)), "hypernet-random")
    swapper = benchmark.PeftSwapper(asr)
    differing = 0
    for seed in range(4):
        waveform = speech_like(2.0, seed)
        base, adapted = benchmark.transcribe(asr, waveform)
        assert swapper.two_passes(waveform) == [base, adapted]
        assert benchmark.transcribe(PersonalizedAsr(backbone, None, None), waveform) == [base]
        differing += base != adapted
    assert differing >= 2  # or the lines above compare base with base


def test_the_base_is_untouched_after_peft(asr):
    before = [name for name, _ in asr.backbone.model.named_modules()]
    benchmark.PeftSwapper(asr)
    assert [name for name, _ in asr.backbone.model.named_modules()] == before


def test_median_ratio_takes_neighbours_not_medians():
    times, others = [1, 10, 4], [1, 2, 20]
    assert benchmark.median_ratio(times, others) == 1
    assert np.median(times) / np.median(others) == 2


def test_each_way_comes_first_in_turn():
    ways = ("a", "b", "c")
    assert [benchmark.in_turn(ways, i) for i in range(4)] == [ways, ("b", "c", "a"), ("c", "a", "b"), ways]


def test_measure_reports_each_way(asr, speech_like, tmp_path):
    soundfile.write(tmp_path / "a.wav", speech_like(1.0), 16_000)
    result = benchmark.run_benchmark(asr, [tmp_path / "a.wav"], rounds=2)
    assert result.stages_ms.keys() == {"audio", "encode", "generate", "decode"}
    assert sum(result.stages_ms.values()) < result.compare_ms
    assert result.ways_ms.keys() == {"base alone", "two rows", "two passes with PEFT"}
    assert result.same_tokens
    assert min(result.ways_ms.values()) > 0 and result.to_base_alone > 0 and result.to_two_passes > 0
    text = benchmark.as_text(result)
    assert "the same tokens" in text and f"{result.to_two_passes:.2f} times the two passes with PEFT" in text


def test_what_is_missing_is_named(asr, monkeypatch):
    with pytest.raises(benchmark.BenchError, match="--rounds is 0, but at least one round is needed"):
        benchmark.run_benchmark(asr, [], 0)
    with pytest.raises(benchmark.BenchError, match="There is no hypernetwork for whisper-random"):
        benchmark.run_benchmark(SimpleNamespace(hypernet=None, base_model="whisper-random"), [], 1)

    real_import = builtins.__import__

    def without_peft(name, *arguments, **keywords):
        if name == "peft":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_peft)
    with pytest.raises(benchmark.BenchError, match="The comparison needs PEFT"):
        benchmark.PeftSwapper(asr)


def test_a_page_that_does_not_start_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_page, "ROOT", tmp_path)  # without an app.py
    with pytest.raises(benchmark.BenchError, match="The page did not start within 60 s"), bench_page.running_app([]):
        pass


def test_clips_that_are_written_otherwise_in_a_batch_are_told(asr, speech_like, monkeypatch):
    clips = [speech_like(1.0, seed) for seed in range(3)]
    seconds = iter([6.0, 2.0])  # alone, then together
    monkeypatch.setattr(bench_rows, "timed", lambda run, _: (next(seconds), run()))
    assert bench_rows.batch_gain(asr, clips) == 3
    seconds = iter([6.0, 2.0])
    transcribe = PersonalizedAsr.transcribe_pairs
    monkeypatch.setattr(PersonalizedAsr, "transcribe_pairs", lambda self, waveforms: transcribe(self, waveforms)[::-1])
    with pytest.raises(benchmark.BenchError, match="other transcripts than alone"):
        bench_rows.batch_gain(asr, clips)


def test_without_faster_whisper_its_rows_say_so(asr, monkeypatch):
    monkeypatch.setattr(faster_whisper, "find_spec", lambda _: None)
    rows = [row.to_json() for row in bench_rows.engine_rows(asr, [])]
    assert [row["name"] for row in rows] == [
        "base alone by faster-whisper, float32",
        "both transcripts to faster-whisper's base, float32",
        "base alone by faster-whisper, int8",
        "both transcripts to faster-whisper's base, int8",
    ]
    assert {row["value"] for row in rows} == {row["met"] for row in rows} == {None}
    assert {row["reason"] for row in rows} == {"needs faster-whisper: pip install faster-whisper"}
    assert [row["bar"] for row in rows] == [None, 1.5, None, 1.5]
    monkeypatch.setattr(faster_whisper, "find_spec", lambda _: "there")
    rows = list(bench_rows.engine_rows(SimpleNamespace(device="cuda"), []))
    assert {row.reason for row in rows} == {"measured on processors only"}


@pytest.fixture(scope="module")
def served(backbone, make_hypernet, tmp_path_factory):
    """The page in this process, over a random model: its service and its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        asr = PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, alpha=3.0), "hypernet-random")
        service = service_of(ModelStore(asr, "bundled", server.load_by_name))
        with launched(build_page(service, TriedExamples(service, []))) as url:
            yield service, url


@pytest.fixture
def spoken_files(speech_like, tmp_path):
    files = [tmp_path / f"{seed}.wav" for seed in range(3)]
    for seed, file in enumerate(files):
        soundfile.write(file, speech_like(1.0, seed), 16_000)
    return files


def test_the_bench_asks_the_page_as_its_button_and_as_programs_do(served, spoken_files, monkeypatch):
    service, url = served
    asked = []
    compare = Service.compare

    def noted(self, given, *rest, **more):
        asked.append((Path(given.recording).name, given.reference, given.model, "with_layers" in more))
        return compare(self, given, *rest, **more)

    monkeypatch.setattr(Service, "compare", noted)
    caller, file = bench_page.Caller(url), spoken_files[0]
    alone = service.models.get("bundled").compare(file)
    answer = caller.compare(file)
    assert (answer["base"], answer["adapted"]) == (alone.base.text, alone.adapted.text)
    assert caller.press(caller.send(file)) > 0
    assert asked == [("0.wav", "turn on the light", "bundled", is_program) for is_program in (True, False)]


def test_the_bench_is_told_where_the_page_refuses(served, tmp_path):
    caller = bench_page.Caller(served[1])
    (tmp_path / "no.wav").write_bytes(b"no sound")
    with pytest.raises(benchmark.BenchError, match="The page answered a comparison with: event: error"):
        caller.compare(tmp_path / "no.wav")
    with pytest.raises(benchmark.BenchError, match="no transcripts when its button was pressed: .*cannot be"):
        caller.press(caller.send(tmp_path / "no.wav"))
    with pytest.raises(benchmark.BenchError, match="The page answered /elsewhere with 404: There is nothing at this"):
        caller._json("GET", "/elsewhere")


def test_a_wait_is_held_against_the_base_alone_beside_it(monkeypatch, spoken_files):
    waits, alone = iter([9.0, 2.0, 4.0, 3.0, 2.0, 8.0, 5.0]), iter([1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 5.0])
    sent = []
    fake = SimpleNamespace(send=sent.append, press=lambda _: next(waits))
    monkeypatch.setattr(bench_page, "Caller", lambda _: fake)
    monkeypatch.setattr(bench_page, "_base_seconds", lambda *_: next(alone))
    asr = SimpleNamespace(backbone=SimpleNamespace(name="", fingerprint="", device="cpu"))
    found = bench_page.felt_wait("", asr, spoken_files, 7)
    assert sent == [*spoken_files, *spoken_files, spoken_files[0]]
    # Waits of the first recording: 9, then 3 and 5. Ratios: 9 2 4 3 2 4 1.
    assert found == bench_page.Felt(median_s=4.0, to_base_alone=3.0, first_to_later=9.0 / 4.0)


def test_many_clients_are_answered_as_one_is(served, spoken_files, monkeypatch):
    found = bench_page.crowd(served[1], spoken_files, clients=3, each=2)
    assert found.per_second > 0 and found.to_one_at_a_time > 0 and found.p95_s > 0
    compare, told = bench_page.Caller.compare, []

    def swapped(self, recording):
        told.append(recording)
        is_late = len(told) > 2 * len(spoken_files) + 5
        return compare(self, spoken_files[spoken_files.index(recording) - is_late])

    monkeypatch.setattr(bench_page.Caller, "compare", swapped)
    with pytest.raises(benchmark.BenchError, match="1 of 6 requests of many clients failed, the first: .*otherwise"):
        bench_page.crowd(served[1], spoken_files, clients=3, each=2)


@pytest.fixture(scope="module")
def bundled():
    return PersonalizedAsr.load("bundled", device="cpu")


def test_faster_whispers_engine_writes_what_the_base_does(bundled, monkeypatch):
    pytest.importorskip("ctranslate2")
    waveform = load_audio(bench_rows.ROOT / "examples" / "typical_1.wav")
    alone, alone_ratio, quick, quick_ratio = bench_rows.engine_rows(bundled, [waveform])
    assert min(alone.value, alone_ratio.value, quick.value, quick_ratio.value) > 0
    monkeypatch.setattr(faster_whisper, "transcribe", lambda *_: [(1, 2), (1, 2)])
    with pytest.raises(benchmark.BenchError, match="CTranslate2 writes other words for every recording"):
        faster_whisper.beside_engine(bundled, [waveform], "float32")


def test_the_suite_measures_a_shape_on_any_device(tmp_path, capsys):
    command = f"bench --gpu-suite --shapes tiny --device cpu --quick --json {tmp_path / 'suite.json'}"
    assert main(command.split()) == 0
    rows = read_json(tmp_path / "suite.json")
    assert [row["name"] for row in rows] == [
        "tiny: both transcripts of 5 s",
        "tiny: 4 recordings of 5 s together",
        "tiny: training step of 4",
        "tiny: memory of comparing 4",
    ]
    assert all(row.keys() == {"name", "value", "unit", "bar", "met"} for row in rows)
    assert all(row["value"] > 0 for row in rows[:3]) and rows[3]["value"] is None  # memory is read on GPUs alone
    assert "both transcripts of 5 s" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card")
def test_without_a_gpu_every_row_of_the_suite_says_so(tmp_path, capsys):
    assert main(["bench", "--gpu-suite", "--json", str(tmp_path / "suite.json")]) == 0
    rows = read_json(tmp_path / "suite.json")
    assert len(rows) == 24 and {row["reason"] for row in rows} == {"no GPU"}
    assert {row["value"] for row in rows} == {row["met"] for row in rows} == {None}
    bars = {row["name"]: row["bar"] for row in rows}
    assert bars["base: both transcripts of 5 s"] == 150 and bars["large-v3: both transcripts of 5 s"] == 1500
    assert capsys.readouterr().out.count("no GPU") == 24


def test_a_shape_that_does_not_fit_or_does_not_exist_is_told(monkeypatch):
    monkeypatch.setattr(gpu_suite, "free_bytes", lambda _: 10**9)
    rows = list(gpu_suite.suite_rows(["large-v3"], "cpu", is_quick=True))
    assert {row.value for row in rows} == {None} and "GB, but only 1.0 GB are free" in rows[0].reason
    with pytest.raises(benchmark.BenchError, match="There is no shape 'huge'; choose among tiny, base"):
        list(gpu_suite.suite_rows(["huge"], "cpu", is_quick=True))


def test_the_memory_that_is_said_grows_with_what_is_held():
    large, turbo = SHAPES["large-v3"], SHAPES["large-v3-turbo"]
    one, many = (gpu_suite.said_bytes(large, batch, torch.bfloat16) for batch in (1, 64))
    # Keys and values of the recording, base and adapted: 2 · 32 layers · 128 rows · 1500 states · 1280 · 2 bytes.
    assert many - one > 2 * 32 * 126 * 1500 * 1280 * 2
    assert many > 2 * gpu_suite.said_bytes(turbo, 64, torch.bfloat16)
    assert one > 1_543_490_560 * 2
