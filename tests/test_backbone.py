"""The Whisper wrapper against transformers itself, and every way in which loading one can fail."""

from __future__ import annotations

import fnmatch
import json
import shutil
import threading
import time

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperProcessor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model import files
from hyper.model.backbone import Backbone
from hyper.model.config import TARGETS, whole_stacks
from hyper.model.device import choose_device, choose_dtype
from hyper.model.files import BackboneError
from hyper.model.fingerprint import fingerprint
from hyper.model.info import base_info
from hyper.recordings.audio import SAMPLE_RATE
from hyper.training.speed import computes_bfloat16


@pytest.fixture
def own_folder(whisper_folder, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(whisper_folder, tmp_path / "copy")


def test_log_mel_is_the_feature_extractors(backbone, whisper_folder, speech_like):
    waveforms = [speech_like(1.3), speech_like(4.0, 1)]
    extractor = WhisperFeatureExtractor.from_pretrained(whisper_folder)
    expected = [extractor(w, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features for w in waveforms]
    assert torch.equal(backbone.log_mel(waveforms), torch.cat(expected))
    assert backbone.log_mel(waveforms).shape == (2, 80, 200)  # 4 s, 20 ms a frame


def test_states_are_transformers_hidden_states_and_the_last_is_what_the_decoder_reads(
    backbone, whisper_folder, speech_like
):
    log_mel = backbone.log_mel([speech_like(2.0), speech_like(3.0, 1)])
    states = backbone.encode(log_mel)
    assert states.shape == (3, 2, 100, 32)
    model = WhisperForConditionalGeneration.from_pretrained(whisper_folder).eval()
    inputs_of_layers = []
    for layer in model.model.encoder.layers:
        layer.register_forward_hook(lambda _layer, inputs, _output: inputs_of_layers.append(inputs[0]))
    with torch.no_grad():
        final = model.model.encoder(log_mel).last_hidden_state
    for state, expected in zip(states, [*inputs_of_layers, final], strict=True):
        torch.testing.assert_close(state, expected)


def test_speech_states_cover_the_recording(backbone, hub_backbone):
    assert backbone.window_seconds == 4.0 and hub_backbone.window_seconds == 30.0
    for n_samples, own, hub in ((16_000, 25, 50), (16_320, 26, 51), (16_321, 26, 52), (10**6, 100, 1500)):
        assert backbone.n_speech_states(n_samples) == own  # 40 ms a state
        assert hub_backbone.n_speech_states(n_samples) == hub  # 20 ms a state
    assert backbone.speech_frames(16_000) == slice(0, 50) and hub_backbone.speech_frames(16_000) == slice(0, 100)


def test_a_short_recording_is_heard_in_the_middle_of_silence(backbone, speech_like):
    word = speech_like(0.4)
    by_hand = np.concatenate([np.zeros(3200, np.float32), word, np.zeros(3200, np.float32)])
    torch.testing.assert_close(backbone.log_mel([word]), backbone.log_mel([by_hand]), rtol=0, atol=0)
    assert backbone.silence_before(len(by_hand)) == 0  # so that this is as it was made
    assert backbone.n_speech_states(len(word)) == 15  # 0.2 + 0.4 s, 40 ms a state
    assert backbone.speech_frames(len(word)) == slice(10, 30)  # 20 ms a frame


def test_speech_states_end_where_the_speech_ends(backbone, speech_like):
    """Two recordings that are the same for 2 s and then go on differently part at the state of 2 s."""
    begin = speech_like(2.0)
    one, other = (np.concatenate([begin, 0.1 * speech_like(1.0, seed)]) for seed in (1, 2))  # softer: one loudest frame
    states = backbone.encode(backbone.log_mel([one, other]))[0]  # before attention mixes all times
    differs = (states[0] - states[1]).abs().amax(dim=1) > 0.05
    n, n_all = backbone.n_speech_states(len(begin)), backbone.n_speech_states(len(one))
    assert not differs[: n - 2].any()  # the Fourier transform and two convolutions look a little ahead
    assert differs[n + 1 : n_all - 1].float().mean() > 0.9
    assert not differs[n_all + 2 :].any()


def test_128_mels(tmp_path, whisper_folder, speech_like):
    folder = shutil.copytree(whisper_folder, tmp_path / "large-v3-like")
    config = json.loads((folder / "config.json").read_text()) | {"num_mel_bins": 128}
    model = WhisperForConditionalGeneration.from_pretrained(folder)
    wide = WhisperForConditionalGeneration(type(model.config)(**config))
    wide.generation_config = model.generation_config
    wide.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=128, hop_length=320, chunk_length=4).save_pretrained(folder)
    backbone = Backbone.load(folder, device="cpu")
    log_mel = backbone.log_mel([speech_like(2.0)])
    assert log_mel.shape == (1, 128, 200)
    assert backbone.encode(log_mel).shape == (3, 1, 100, 32)


def test_prompts(backbone, hub_backbone):
    decode = hub_backbone.tokenizer.decode
    assert hub_backbone.prompt() == (50258, 50259, 50359, 50363)  # as openai/whisper has them
    assert decode(hub_backbone.prompt("de")) == "<|startoftranscript|><|de|><|transcribe|><|notimestamps|>"
    assert backbone.tokenizer.decode(backbone.prompt()) == "<|startoftranscript|><|notimestamps|>"
    assert hub_backbone.is_multilingual and len(hub_backbone.languages) == 99
    assert not backbone.is_multilingual and backbone.languages == ("en",)


@pytest.fixture
def older_folder(hub_folder, tmp_path):
    """The hub's multilingual Whisper as fine-tuning left it in 2022: nothing says what its languages are."""
    folder = tmp_path / "fine-tuned"
    folder.mkdir()
    for file in hub_folder.iterdir():
        (folder / file.name).symlink_to(file)
    file = folder / "generation_config.json"
    settings = json.loads(file.read_text())
    file.unlink()
    gone = ("lang_to_id", "task_to_id", "no_timestamps_token_id", "is_multilingual", "forced_decoder_ids")
    file.write_text(json.dumps({name: value for name, value in settings.items() if name not in gone}))
    return folder


def test_languages_that_the_settings_do_not_name_are_those_of_the_tokenizer(hub_backbone, older_folder):
    older = Backbone.load(older_folder, device="cpu")
    assert older.is_multilingual and set(older.languages) == set(hub_backbone.languages)
    assert [older.prompt(language) for language in ("en", "de")] == [hub_backbone.prompt(x) for x in ("en", "de")]


def test_without_any_names_of_its_languages_a_multilingual_whisper_is_refused(older_folder):
    file = older_folder / "tokenizer.json"
    text = file.read_text()
    file.unlink()
    file.write_text(text.replace("<|transcribe|>", "<|other|>"))
    config = older_folder / "tokenizer_config.json"
    settings = config.read_text()
    config.unlink()
    config.write_text(settings.replace("<|transcribe|>", "<|other|>"))
    with pytest.raises(BackboneError, match="neither generation_config.json nor the tokenizer names its languages"):
        Backbone.load(older_folder, device="cpu")


def test_the_real_vocabulary_has_its_real_ids(hub_backbone):
    tokenizer = hub_backbone.tokenizer
    assert tokenizer(" and so my fellow americans", add_special_tokens=False).input_ids == [
        *(293, 370, 452, 7177),  # ids of the published tokenizer
        *tokenizer(" americans", add_special_tokens=False).input_ids,
    ]
    assert hub_backbone.no_speech_token == 50362
    assert hub_backbone.end_token == 50257
    text = "Ich möchte 23 Äpfel, 你好!"
    assert hub_backbone.to_text(tokenizer(" " + text, add_special_tokens=False).input_ids) == text
    assert hub_backbone.to_text([50258, 50259, *tokenizer(" hello").input_ids, 50257]) == "hello"


def test_a_language_that_the_model_does_not_know_is_named(backbone, hub_backbone):
    with pytest.raises(BackboneError, match="whisper-tiny does not know the language 'xx'; it knows"):
        hub_backbone.prompt("xx")
    with pytest.raises(BackboneError, match="it knows English only"):
        backbone.prompt("de")


def test_sites_of_every_target_are_linear_layers_of_these_shapes(backbone):
    sites = backbone.sites(list(TARGETS))
    assert len(sites) == 2 * len(TARGETS)  # two layers each
    for site in sites:
        layer = backbone.model.get_submodule(site.name)
        assert (layer.in_features, layer.out_features) == (site.d_in, site.d_out)
        assert backbone.site_weight(site).shape == (site.d_out, site.d_in)
    fc1 = backbone.sites(["decoder.fc1"])
    assert [(s.name, s.layer, s.d_in, s.d_out) for s in fc1] == [
        ("model.decoder.layers.0.fc1", 0, 32, 128),
        ("model.decoder.layers.1.fc1", 1, 32, 128),
    ]
    with pytest.raises(BackboneError, match="no layer type 'decoder.fc3' to adapt; choose among encoder.fc1"):
        backbone.sites(["decoder.fc3"])


def test_parameters_are_counted_once(backbone, hub_backbone):
    assert hub_backbone.n_parameters == 37_760_640  # openai/whisper-tiny, its tied output layer once
    assert (backbone.d_model, backbone.d_ffn, backbone.n_encoder_layers, backbone.n_decoder_layers) == (32, 128, 2, 2)


def test_fingerprint_tells_weights_apart_and_nothing_else(backbone, whisper_folder, own_folder):
    assert len(backbone.fingerprint) == 16
    assert Backbone.load(own_folder, device="cpu", dtype=torch.bfloat16).fingerprint == backbone.fingerprint
    model = WhisperForConditionalGeneration.from_pretrained(whisper_folder)
    assert fingerprint(model) == backbone.fingerprint
    with torch.no_grad():
        model.model.encoder.conv1.bias[3] += 1e-3
    assert fingerprint(model) != backbone.fingerprint


def test_dtype_and_device(own_folder, speech_like, monkeypatch):
    half = Backbone.load(own_folder, device="cpu", dtype=torch.bfloat16)
    assert half.encode(half.log_mel([speech_like(2.0)])).dtype == torch.bfloat16
    assert choose_dtype(torch.device("cpu")) == torch.float32
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(BackboneError, match="There is no device 'gpu'; choose cpu, cuda or cuda:N"):
        choose_device("gpu")
    made_current, cudnn = [], []
    monkeypatch.setattr(torch.backends.cuda, "enable_cudnn_sdp", cudnn.append)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", made_current.append)
    assert [str(choose_device(name)) for name in ("cuda", "cuda:1")] == ["cuda", "cuda:1"]
    assert cudnn == [False, False]  # it would plan anew for each length
    assert [str(device) for device in made_current] == ["cuda:1"]  # for accelerate, which names no number
    with pytest.raises(BackboneError, match="The device 'cuda:7' was asked for, but torch's last CUDA card is cuda:1"):
        choose_device("cuda:7")
    monkeypatch.undo()


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)])
def test_bfloat16_is_chosen_where_a_card_computes_in_it(capability, dtype, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert choose_dtype(torch.device("cuda")) == dtype
    assert computes_bfloat16(torch.device("cuda")) is (dtype == torch.bfloat16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card")
def test_cuda_without_a_card():
    with pytest.raises(BackboneError, match="'cuda' was asked for, but torch sees no CUDA card; choose cpu"):
        Backbone.load("bundled", device="cuda")


# Names and folders.


def test_a_folder_that_does_not_exist():
    with pytest.raises(BackboneError, match="There is no folder nowhere; give a Whisper's folder"):
        Backbone.load("nowhere")


@pytest.mark.parametrize("name", [*files.NEEDED_FILES, files.FEATURES_FILE, "model.safetensors"])
def test_a_file_that_is_missing_is_named(own_folder, name):
    (own_folder / name).unlink()
    with pytest.raises(BackboneError, match=f"is not a Whisper in Hugging Face's format: it has no {name}"):
        Backbone.load(own_folder)


def test_a_processor_that_transformers_5_saved_holds_the_feature_extractor(own_folder, backbone):
    (own_folder / "preprocessor_config.json").unlink()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (own_folder / name).unlink()
    WhisperProcessor(backbone.extractor, backbone.tokenizer).save_pretrained(own_folder)
    assert not (own_folder / "preprocessor_config.json").exists()
    assert Backbone.load(own_folder, device="cpu").window_seconds == backbone.window_seconds == 4
    assert base_info(own_folder).window_seconds == 4


def test_a_processors_older_file_holds_no_feature_extractor(own_folder):
    (own_folder / "processor_config.json").write_text('{"processor_class": "WhisperProcessor"}')
    assert Backbone.load(own_folder, device="cpu").window_seconds == 4
    (own_folder / "preprocessor_config.json").unlink()
    with pytest.raises(BackboneError, match="it has no preprocessor_config.json"):
        Backbone.load(own_folder)


def test_damaged_weights(own_folder):
    (own_folder / "model.safetensors").write_bytes(b"\x10" * 100)
    with pytest.raises(BackboneError, match="cannot be loaded"):
        Backbone.load(own_folder)


def test_another_kind_of_model(own_folder):
    config = json.loads((own_folder / "config.json").read_text()) | {"model_type": "bert"}
    (own_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackboneError, match="is a bert model, not a Whisper"):
        Backbone.load(own_folder)


def test_a_configuration_that_is_cut_off(own_folder):
    (own_folder / "config.json").write_text('{"model_type": "whis')
    with pytest.raises(BackboneError, match="config.json in .* is not valid JSON"):
        Backbone.load(own_folder)


class _Hub:
    """Stands in for the hub's client."""

    def __init__(self, answer):
        self.answer = answer

    def model_info(self, *_args, **_options):
        return self.answer()


def unreachable():
    raise ConnectionError("[Errno -3] Temporary failure in name resolution\nMax retries exceeded")


def test_a_hub_model_without_network_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(unreachable))
    with pytest.raises(BackboneError) as caught:
        Backbone.load("openai/whisper-no-such-cache")
    assert str(caught.value) == (
        "openai/whisper-no-such-cache is not on this machine and the Hugging Face hub cannot be reached; "
        "connect to the network once to download it, or use the bundled model."
    )


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(never.wait))
    monkeypatch.setattr(files, "HUB_SECONDS", 0.2)
    start = time.perf_counter()
    with pytest.raises(BackboneError, match="cannot be reached"):
        Backbone.load("openai/whisper-no-such-cache")
    never.set()
    assert time.perf_counter() - start < 5


def test_the_real_client_gives_up_within_ten_seconds(monkeypatch):
    """Nothing listens on this port of this machine: the client itself has to end the attempt."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    start = time.perf_counter()
    with pytest.raises(BackboneError, match="cannot be reached"):
        Backbone.load("openai/whisper-no-such-cache")
    assert time.perf_counter() - start < 10


def test_a_model_that_the_hub_does_not_have(monkeypatch):
    from huggingface_hub.errors import RepositoryNotFoundError

    error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    def answer():
        raise error

    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(answer))
    with pytest.raises(BackboneError, match="hub has no public model openai/whisper-gigantic; please check the name"):
        Backbone.load("openai/whisper-gigantic")


def test_a_download_that_breaks_off(monkeypatch):
    def break_off(*_arguments, **_options):
        raise OSError("No space left on device\n  at some line")

    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(lambda: "information"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", break_off)
    with pytest.raises(BackboneError) as caught:
        Backbone.load("openai/whisper-no-such-cache")
    assert str(caught.value) == (
        "The download of openai/whisper-no-such-cache broke off (No space left on device); "
        "please try again, it goes on from there."
    )


def test_a_download_brings_weights_once_and_no_pickles(monkeypatch, whisper_folder):
    asked = []
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(lambda: "information"))
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download",
        lambda name, allow_patterns: asked.append((name, allow_patterns)) or str(whisper_folder),
    )
    assert Backbone.load("openai/whisper-no-such-cache", device="cpu").name == "openai/whisper-no-such-cache"
    ((name, patterns),) = asked
    assert name == "openai/whisper-no-such-cache"
    on_the_hub = ["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "merges.txt", "flax.bin"]
    wanted = [file for file in on_the_hub if any(fnmatch.fnmatch(file, pattern) for pattern in patterns)]
    assert wanted == ["config.json", "model.safetensors", "merges.txt"]


def test_a_hub_model_that_is_cached_needs_no_network(monkeypatch, whisper_folder, tmp_path):
    snapshot = tmp_path / "models--someone--whisper" / "snapshots" / "abc"
    shutil.copytree(whisper_folder, snapshot)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda _name, file, **_: str(snapshot / file))
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: _Hub(lambda: pytest.fail("asked the hub")))
    backbone = Backbone.load("someone/whisper", device="cpu")
    assert backbone.name == "someone/whisper"


def test_log_mel_of_many_is_that_of_each(backbone, speech_like):
    waveforms = [speech_like(1 + i / 4, i) for i in range(5)]
    together = backbone.log_mel(waveforms).numpy()
    for i, waveform in enumerate(waveforms):
        np.testing.assert_array_equal(together[i], backbone.log_mel([waveform])[0].numpy())


def test_a_stack_stands_for_its_every_kind_of_layer():
    decoder = whole_stacks(["decoder"])
    assert len(decoder) == 10 and all(target in TARGETS and target.startswith("decoder.") for target in decoder)
    assert whole_stacks(["decoder.fc1", "encoder", "decoder.fc1"]) == ("decoder.fc1", *whole_stacks(["encoder"]))
    assert whole_stacks(["decoder.nothing"]) == ("decoder.nothing",)  # refused by `sites`, which says what there is


def test_the_window_is_what_the_recording_needs_in_steps(backbone, hub_backbone):
    seconds = {0.1: 2, 1.4: 2, 1.41: 4, 3.4: 4, 13.0: 14, 29.0: 30, 29.5: 30, 30.0: 30}
    for own, window in seconds.items():  # 0.6 s of silence behind it
        assert hub_backbone.window_samples(round(own * SAMPLE_RATE)) == window * SAMPLE_RATE
        assert backbone.window_samples(round(own * SAMPLE_RATE)) == 4 * SAMPLE_RATE  # a short window stays whole


def test_a_shorter_window_is_a_shorter_model(hub_backbone, hub_folder, speech_like):
    """The independent answer: transformers' own encoder with a table of positions cut to the window."""
    waveform = speech_like(2.5)
    window = hub_backbone.window_samples(len(waveform))
    log_mel = hub_backbone.log_mel([waveform], window)
    assert log_mel.shape == (1, 80, 400)
    whole = hub_backbone.log_mel([waveform])
    assert whole.shape == (1, 80, 3000)
    torch.testing.assert_close(log_mel[:, :, :399], whole[:, :, :399])  # the last frame reaches over the cut
    config = json.loads((hub_folder / "config.json").read_text()) | {"max_source_positions": 200}
    short = WhisperForConditionalGeneration(type(hub_backbone.model.config)(**config)).eval()
    weights = hub_backbone.model.state_dict()
    positions = "model.encoder.embed_positions.weight"
    short.load_state_dict({**weights, positions: weights[positions][:200]})
    with torch.no_grad():
        expected = short.model.encoder(log_mel).last_hidden_state
    torch.testing.assert_close(hub_backbone.encode(log_mel)[-1], expected, atol=1e-4, rtol=1e-4)


def test_encoding_again_starts_from_what_the_first_layer_reads(backbone, make_hypernet, speech_like):
    targets = ("encoder.fc1", "encoder.q_proj", "decoder.fc1")
    asr = PersonalizedAsr(backbone, make_hypernet(backbone, targets=targets), "random")
    prepared = asr.prepare(speech_like(2.0))
    base = backbone.encode(prepared.log_mel)
    with backbone.adapted(prepared.lora, "encoder") as applied:
        whole = backbone.encode(prepared.log_mel, applied)
        again = backbone.encode_again(prepared.embedded, applied)
    torch.testing.assert_close(again, whole[-1])
    assert torch.equal(prepared.embedded, base[0]) and not torch.allclose(again, base[-1], atol=1e-2)
    assert {site.target for site in prepared.lora.in_stack("decoder").sites} == {"decoder.fc1"}


def test_nothing_is_kept_or_hooked_for_a_stack_that_is_not_adapted(backbone, make_hypernet, speech_like):
    prepared = PersonalizedAsr(backbone, make_hypernet(backbone), "random").prepare(speech_like(2.0))
    assert prepared.embedded is None
    with backbone.adapted(prepared.lora, "encoder") as applied:
        assert applied is None and not any(module._forward_hooks for module in backbone.model.modules())
