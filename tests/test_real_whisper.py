"""OpenAI's own tiny.en and the hypernetwork that comes with the project for it; skipped where the folder is not."""

from __future__ import annotations

import pytest

from hyper.compare.pipeline import PersonalizedAsr
from hyper.recordings.audio import load_audio
from tests.conftest import SHARED_WHISPER

FOLDER = SHARED_WHISPER / "tiny.en"


@pytest.mark.skipif(not (FOLDER / "config.json").is_file(), reason=f"there is no tiny.en at {FOLDER}")
def test_the_hypernetwork_for_tiny_en_is_found_by_its_encoder_and_adapts():
    asr = PersonalizedAsr.load(FOLDER, device="cpu")
    assert asr.hypernetwork == "hypernet-tiny.en"  # though the folder's token embedding is not the hub's
    comparison = asr.compare(load_audio(SHARED_WHISPER / "jfk.flac"), "ask not what your country can do for you")
    assert comparison.generated_parameters == 16 * 24  # a number for each learned update of each matrix of the encoder
    assert len(comparison.layers) == 24 and all(layer.frobenius > 0 for layer in comparison.layers)
    for row in (comparison.base, comparison.adapted):
        assert "what your country can do for you" in row.text
    base, again = (asr.compare(comparison.waveform, strength=0.0).adapted.text, comparison.base.text)
    assert base == again
