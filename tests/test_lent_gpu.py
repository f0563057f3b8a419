"""A GPU that is lent call by call: all work on the model happens within the one borrowed function."""

from __future__ import annotations

import dataclasses
from functools import partial
from types import SimpleNamespace

import pytest
import soundfile
import torch

from hyper.compare.export import export_merged, write_zip
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.speaker import SpeakerError, compare_speaker
from hyper.compare.sweep import sweep
from hyper.model.backbone import Backbone
from hyper.recordings.audio import SAMPLE_RATE, load_audio
from hyper.ui.gpu import LentGpu, directly, way_to_model
from hyper.ui.model_store import ModelStore
from hyper.ui.service import Asked, Service
from hyper.ui.visitors.uploads import Uploads

ON_MODEL = ("encode", "encode_frames", "decoder", "hidden", "scores", "site_weight", "adapted", "save")


@pytest.fixture
def lent(backbone, make_hypernet, tmp_path, monkeypatch) -> Service:
    """A service whose model complains of whoever touches it outside of the borrowed function, as a GPU would."""
    desk = SimpleNamespace(is_lent=False, times=0)

    def borrow(work):
        def borrowed(packed: bytes) -> bytes:
            desk.is_lent, desk.times = True, desk.times + 1
            try:
                return work(packed)
            finally:
                desk.is_lent = False

        return borrowed

    def watched(method):
        def call(*args, **kwargs):
            assert desk.is_lent, f"{method.__name__} was called without a GPU"
            return method(*args, **kwargs)

        return call

    for name in ON_MODEL:
        monkeypatch.setattr(Backbone, name, watched(getattr(Backbone, name)))
    desk.is_lent = True  # hypernetworks look at the model's shapes when they are made
    asr = PersonalizedAsr(backbone, make_hypernet(backbone), "random")
    desk.is_lent = False
    models = ModelStore(asr, "bundled", lambda name: pytest.fail(name))
    service = Service(models, Uploads(tmp_path), scheduler=None, gpu=LentGpu(models, borrow))
    return SimpleNamespace(service=service, asr=asr, desk=desk)


@pytest.fixture
def recordings(tmp_path, speech_like) -> list[str]:
    files = [str(tmp_path / f"{seed}.wav") for seed in range(2)]
    for seed, file in enumerate(files):
        soundfile.write(file, speech_like(1.2, seed=seed), SAMPLE_RATE)
    return files


def direct(lent, call):
    """What the library gives, with the model at hand."""
    lent.desk.is_lent = True
    try:
        return call()
    finally:
        lent.desk.is_lent = False


def test_one_recording_with_layers_word_times_and_files(lent, recordings, tmp_path):
    asked = Asked(recordings[0], "turn on", "bundled", "en", strength=0.5)
    want = direct(lent, lambda: lent.asr.compare(recordings[0], "turn on", strength=0.5).to_json())
    for session in ("anna", "anna"):  # the second time it is encoded already
        found = lent.service.compare(asked, session)
        timed = {"timings_ms": want["timings_ms"]}
        assert found.to_json() | timed == want
    assert want["word_times"]["adapted"] and want["layers"]
    lent.service.gpu(partial(write_zip, export_merged, lent.asr.backbone, found, tmp_path / "whisper.zip"))
    assert (tmp_path / "whisper.zip").stat().st_size > 10_000


def test_several_one_speaker_and_every_strength(lent, recordings):
    waveforms = list(map(load_audio, recordings))
    want = direct(lent, lambda: lent.asr.transcribe_pairs(waveforms))
    before = lent.desk.times
    pairs = lent.service.transcribe(lent.asr, "en", "anna", waveforms)
    assert lent.desk.times == before + 1
    assert [(p.base.tokens, p.adapted.tokens, p.layers) for p in pairs] == [
        (p.base.tokens, p.adapted.tokens, p.layers) for p in want
    ]
    speaker = lent.service.in_steps("anna", partial(compare_speaker, lent.asr, recordings))
    assert speaker.to_json() == direct(lent, lambda: compare_speaker(lent.asr, recordings)).to_json()
    asr, prepared = lent.service.prepare(Asked(recordings[0], "", "bundled", "en"), "anna")
    assert asr is lent.asr
    points = lent.service.in_steps("anna", partial(sweep, asr, prepared, None))
    assert len(points) == 9


def test_a_part_of_a_list_without_a_recording_borrows_nothing(lent):
    """As where four files in a row cannot be read."""
    before = lent.desk.times
    assert lent.service.transcribe(lent.asr, "en", "anna", []) == [] and lent.desk.times == before


def test_its_errors_come_back_as_they_are(lent, recordings):
    with pytest.raises(SpeakerError, match="There is 1 recording"):
        lent.service.in_steps("anna", partial(compare_speaker, lent.asr, recordings[:1]))


def test_what_lies_on_another_device_comes_back_on_the_processor(lent, monkeypatch):
    elsewhere = torch.ones(2, dtype=torch.bfloat16, device="meta")  # stands for a GPU, whose tensors would hang there
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: torch.ones(self.shape, dtype=self.dtype))
    back = lent.service.gpu(partial(dict, states=elsewhere))["states"]
    assert back.device.type == "cpu" and back.dtype == torch.bfloat16


def test_where_no_gpu_is_lent_nothing_stands_between(lent):
    assert way_to_model(lent.service.models) is directly
    assert directly(lambda: "words") == "words"
    assert dataclasses.fields(Service)[-1].default is directly
