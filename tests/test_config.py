"""Settings survive their file, and a wrong key or value is named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from hyper.model.config import TARGETS as ALL_TARGETS
from hyper.model.config import ConfigError, HypernetConfig

TARGETS = ("decoder.fc1", "decoder.fc2")
CONFIG = HypernetConfig("whisper-mini", "0123456789abcdef", 192, 768, 4, 4, targets=TARGETS, rank=4)


def test_what_is_saved_is_loaded(tmp_path):
    CONFIG.save(tmp_path / "config.json")
    assert HypernetConfig.load(tmp_path / "config.json") == CONFIG


def test_scaling_is_alpha_over_rank():
    assert HypernetConfig("m", "f", 8, 32, 1, 1, rank=4, alpha=6.0).scaling == 1.5


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ranc": 3}, "Unknown key `ranc`"),
        ({"rank": 0}, "`rank` is 0, but it must be a whole number of at least 1"),
        ({"d_hidden": 2.5}, "`d_hidden` is 2.5"),
        ({"generator": "rnn"}, "`generator` is 'rnn', but it must be one of mlp, linear"),
        ({"generated": "c"}, "`generated` is 'c', but it must be one of both, a, b, coefficients"),
        ({"targets": []}, "`targets` is empty"),
        ({"dropout": 1.0}, "`dropout` is 1.0, but it must be at least 0 and below 1"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, change, message):
    CONFIG.save(tmp_path / "config.json")
    settings = json.loads((tmp_path / "config.json").read_text()) | change
    with pytest.raises(ConfigError, match=message):
        HypernetConfig.from_json(settings)


def test_a_missing_key_is_named_even_if_it_has_a_default(tmp_path):
    CONFIG.save(tmp_path / "config.json")
    settings = json.loads((tmp_path / "config.json").read_text())
    del settings["n_mixes"]
    with pytest.raises(ConfigError, match="lack the key `n_mixes`"):
        HypernetConfig.from_json(settings)


def test_what_is_written_is_said_in_words():
    assert CONFIG.written == "LoRA of rank 4 for decoder.fc1, decoder.fc2"
    whole = tuple(target for target in ALL_TARGETS if target.startswith("decoder."))
    shared = replace(CONFIG, targets=whole, rank=16, generated="coefficients")
    assert (
        shared.written == "how strongly each of 16 learned updates of rank 1 is applied in every matrix of the decoder"
    )
    encoder = tuple(target for target in ALL_TARGETS if target.startswith("encoder."))
    assert replace(CONFIG, targets=encoder).written == "LoRA of rank 4 for every matrix of the encoder"
    assert (
        replace(CONFIG, targets=(*encoder, *whole)).written == "LoRA of rank 4 for every matrix of encoder and decoder"
    )
    assert replace(CONFIG, generated="b").written == "one factor (b) of LoRA of rank 4 for decoder.fc1, decoder.fc2"
