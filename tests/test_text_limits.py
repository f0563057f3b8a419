"""A text that is too long is refused wherever one comes in, and costs nothing but itself."""

from __future__ import annotations

import gradio as gr
import pytest

from hyper.compare.guards import Heard
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.row import make_row
from hyper.compare.scoring import score_manifest
from hyper.compare.speaker import compare_speaker, split_references
from hyper.compare.sweep import sweep
from hyper.recordings.audio import save_audio
from hyper.recordings.limits import MAX_TEXT, TextError
from hyper.recordings.manifest import ManifestRow
from hyper.ui import notices
from hyper.ui.layout import text_box

LONG = "(" * (MAX_TEXT + 1)
MEANT = r"What was meant is 20,001 characters long, but the limit is 20,000; please shorten it\."
SAID = r"What was said is 20,001 characters long, but the limit is 20,000; please shorten it\."


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "random")


def test_of_one_recording(asr, speech_like, monkeypatch):
    prepared = asr.prepare(speech_like(1.0))
    with pytest.raises(TextError, match=MEANT):
        sweep(asr, prepared, LONG)
    monkeypatch.setattr(PersonalizedAsr, "decode_many", lambda *_: pytest.fail("decoded"))
    with pytest.raises(TextError, match=MEANT):
        asr.compare(speech_like(1.0), LONG)
    with pytest.raises(TextError, match=SAID):
        asr.compare(speech_like(1.0), "short", verbatim=LONG)
    with pytest.raises(TextError, match=SAID):
        make_row(None, Heard(speech_like(1.0)), verbatim=LONG)


def test_of_a_list_it_costs_its_row(asr, speech_like, tmp_path):
    save_audio(tmp_path / "a.wav", speech_like(1.0))
    texts = [{"reference": LONG}, {"reference": "short", "verbatim": LONG}, {"reference": "short"}]
    evaluation = score_manifest(asr, [ManifestRow("a.wav", tmp_path / "a.wav", **text) for text in texts])
    assert [utterance.recording.verbatim for utterance in evaluation.utterances] == [""]
    assert [failure.reason[:22] for failure in evaluation.failures] == [
        "What was meant is 20,0",
        "What was said is 20,00",
    ]


def test_of_a_speaker(asr, speech_like):
    with pytest.raises(TextError, match=MEANT):
        split_references(LONG, 2)
    long_enough = LONG[:MAX_TEXT]
    assert split_references(f"{long_enough}\n{long_enough}", 2) == [long_enough] * 2  # each line counts for itself
    with pytest.raises(TextError, match=MEANT):
        split_references(f"{long_enough}\n{LONG}", 2)
    with pytest.raises(TextError, match=MEANT):
        compare_speaker(asr, [speech_like(1.0), speech_like(1.1)], [LONG, None])


def test_on_the_page_it_is_a_notice():
    with pytest.raises(gr.Error) as caught, notices.errors_as_notices():
        raise TextError("too long")
    assert (caught.value.message, caught.value.title) == ("too long", "This text cannot be used")
    with gr.Blocks():
        assert text_box("What was meant?", "", "x").max_length is None  # a browser would cut the text and say nothing
