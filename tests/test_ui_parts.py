"""The small parts of the page: phrases, examples, languages, the model store, uploaded files."""

from __future__ import annotations

import gradio as gr
import pytest
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from hyper.model.backbone import BackboneError
from hyper.model.checkpoint import CheckpointError
from hyper.model.files import BUNDLED
from hyper.model.languages import language_names
from hyper.recordings.audio import AudioError
from hyper.ui import notices
from hyper.ui.examples import read_examples
from hyper.ui.model_store import ModelStore
from hyper.ui.visitors.uploads import Uploads

ONE = "one recording"  # a place of the page


def test_language_names_are_whispers():
    names = language_names()
    assert {code: name.lower() for code, name in names.items()} == LANGUAGES
    assert list(names.values())[:3] == ["English", "Afrikaans", "Albanian"] and names["ht"] == "Haitian Creole"


def test_examples_are_labelled_with_what_is_simulated(tmp_path):
    (tmp_path / "manifest.csv").write_text(
        "file,reference,cohort,severity,simulated,licence,outcome\n"
        "a.wav,turn on the lights,stuttering,moderate,1,CC0,harm\n"
        "b.wav,call my daughter,parkinsons,mild,1,CC0,right\n"
        "c.wav,good morning,typical,,0,,\n"
        "d.wav,thank you,typical,,0,,\n"
        "e.wav,thank you,simulated by an actor,,0,,\n"
    )
    examples = read_examples(tmp_path / "manifest.csv")
    assert [example.label for example in examples] == [
        "simulated stuttering, moderate",
        "simulated Parkinson's, mild",
        "typical speech, 1",
        "typical speech, 2",
        "simulated by an actor",
    ]
    assert [example.is_simulated for example in examples] == [True, True, False, False, False]  # whatever it is called
    assert examples[0].path == tmp_path / "a.wav"
    assert examples[0].note == (
        "Example: simulated stuttering, moderate; adapted, the model makes more errors here; licence: CC0."
    )
    assert examples[1].note == "Example: simulated Parkinson's, mild; licence: CC0."
    assert examples[2].note == "Example: typical speech, 1."


def test_no_manifest_means_no_examples(tmp_path):
    assert read_examples(tmp_path / "manifest.csv") == []


class FakeBackbone:
    def __init__(self, device: str = "cpu", codes: tuple[str, ...] = ()) -> None:
        self.device, self.languages, self.is_multilingual = device, codes, bool(codes)


class FakeAsr:
    def __init__(self, **settings: object) -> None:
        self.backbone = FakeBackbone(**settings)


@pytest.fixture
def loaded() -> list[str]:
    return []


def store(loaded: list[str], name: str = BUNDLED, **settings: object) -> ModelStore:
    def load(wanted: str) -> FakeAsr:
        loaded.append(wanted)
        if wanted == "missing":
            raise BackboneError("missing is not there")
        return FakeAsr()

    return ModelStore(FakeAsr(**settings), name, load)


def test_the_store_loads_each_choice_once_and_keeps_one_beside_the_first(loaded):
    models = store(loaded)
    tiny = models.get("openai/whisper-tiny")
    assert models.get("openai/whisper-tiny") is tiny
    assert models.is_loaded("openai/whisper-tiny")
    first = models.get(BUNDLED)
    models.get("openai/whisper-base")
    assert not models.is_loaded("openai/whisper-tiny")
    assert models.get(BUNDLED) is first
    assert loaded == ["openai/whisper-tiny", "openai/whisper-base"]


def test_a_model_that_cannot_be_loaded_leaves_the_store_usable(loaded):
    models = store(loaded)
    with pytest.raises(BackboneError):
        models.get("missing")
    assert not models.is_loaded("missing")
    models.get("openai/whisper-tiny")
    assert loaded == ["missing", "openai/whisper-tiny"]


def test_large_models_are_offered_only_with_a_gpu(loaded):
    on_cpu = [name for _, name in store(loaded).choices()]
    on_gpu = [name for _, name in store(loaded, device="cuda:0").choices()]
    assert on_cpu == [BUNDLED, "openai/whisper-tiny", "openai/whisper-base", "openai/whisper-small"]
    assert set(on_gpu) - set(on_cpu) == {f"openai/whisper-{s}" for s in ("medium", "large-v3", "large-v3-turbo")}


def test_a_model_is_not_offered_twice(loaded):
    names = [name for _, name in store(loaded, "openai/whisper-tiny").choices()]
    assert names.count("openai/whisper-tiny") == 1


def test_languages_are_a_choice_for_multilingual_models_only(loaded):
    assert not store(loaded).is_multilingual(BUNDLED)
    assert store(loaded, codes=("en", "de")).is_multilingual(BUNDLED)
    assert store(loaded).is_multilingual("openai/whisper-tiny")


def test_a_recording_that_was_sent_anew_is_not_deleted_with_its_former_holder(tmp_path):
    uploads = Uploads(tmp_path)
    recording, again = tmp_path / "a" / "one.wav", tmp_path / "again.wav"
    recording.parent.mkdir()
    recording.write_bytes(b"one")
    uploads.hold("anna", ONE, [str(recording)])
    again.write_bytes(b"one")
    again.rename(recording)  # as gradio puts the same content, which the next visitor sends
    uploads.release("anna")
    assert recording.is_file()
    uploads.hold("peter", ONE, [str(recording)])
    uploads.release("peter")
    assert not recording.exists()


def test_a_replaced_recording_is_deleted_and_one_that_is_shared_is_not(tmp_path):
    uploads = Uploads(tmp_path)
    one, two, outside = tmp_path / "1" / "one.wav", tmp_path / "2" / "two.wav", tmp_path.parent / "outside.wav"
    for file in (one, two, outside):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"RIFF")
    uploads.hold("anna", ONE, [str(one)])
    uploads.hold("peter", ONE, [str(one)])
    uploads.hold("anna", ONE, [str(two)])
    assert one.exists()  # peter still has it
    uploads.release("peter")
    assert not one.parent.exists() and two.exists()
    uploads.hold("anna", ONE, [str(outside)])
    assert not two.exists()
    uploads.release("anna")
    uploads.release("anna")
    assert outside.exists()  # not ours: never touched


def test_recordings_at_several_places_are_deleted_when_the_visitor_leaves(tmp_path):
    files = [tmp_path / str(i) / "a.wav" for i in range(4)]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(b"RIFF")
    one, two, three, four = map(str, files)
    uploads = Uploads(tmp_path)
    uploads.hold("anna", ONE, [one])
    uploads.hold("anna", "speaker", [one, two, three])
    uploads.hold("anna", "reading", [four])
    uploads.hold("anna", "speaker", [three])
    assert [file.exists() for file in files] == [True, False, True, True]  # the first is still compared by itself
    uploads.release("peter")
    uploads.release("anna")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (AudioError("a <b> is short"), "This recording cannot be used"),
        (BackboneError("a <b> is short"), "This model cannot be used"),
        (CheckpointError("a <b> is short"), "This model cannot be used"),
    ],
)
def test_known_errors_become_notices_and_their_text_stays_text(error, title):
    with pytest.raises(gr.Error) as caught, notices.errors_as_notices():
        raise error
    assert caught.value.message == "a &lt;b&gt; is short"
    assert caught.value.title == title


def test_our_own_slips_are_not_dressed_up_as_notices():
    with pytest.raises(ZeroDivisionError), notices.errors_as_notices():
        _ = 1 / 0


def test_texts_of_the_page_do_not_hide_that_examples_are_simulated():
    from hyper.ui.about import BUNDLED_NOTE, CAUTIONS

    assert "simulat" in CAUTIONS["Simulated speech."] and "diagnosis" in CAUTIONS["Not a medical device."]
    assert "open speech" in BUNDLED_NOTE
