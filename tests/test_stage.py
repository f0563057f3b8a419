"""What the stage shows, as data: the same words and counts as everywhere, at every strength, whatever fails."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import soundfile
from served import ROOT
from starlette.testclient import TestClient
from test_ui_panels import comparison

from hyper.compare.example_sets import LEARNED_EMBEDDING
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.verdict import judge
from hyper.model.backbone import BackboneError
from hyper.model.subspace import LayerSize
from hyper.recordings.audio import SAMPLE_RATE, wav_bytes
from hyper.recordings.manifest import ManifestError
from hyper.ui import panels
from hyper.ui.examples import Example
from hyper.ui.languages import translated
from hyper.ui.stage import slides
from hyper.ui.stage.preparation import NOT_YET, LiveError, Preparation
from hyper.ui.stage.programme import MANIFEST, programme, read_programme
from hyper.ui.stage.server import stage_app
from hyper.ui.stage.slides import DOUBTS, N_PEAKS, make_slide


@pytest.fixture(scope="module")
def asr(backbone, make_hypernet) -> PersonalizedAsr:
    return PersonalizedAsr(backbone, make_hypernet(backbone), "hypernet-random")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech_like) -> Path:
    """Two recordings, what one of them meant, and one that is damaged."""
    folder = tmp_path_factory.mktemp("talk")
    soundfile.write(folder / "a_first.wav", speech_like(1.0), SAMPLE_RATE)
    soundfile.write(folder / "b.wav", speech_like(1.2, seed=1), SAMPLE_RATE)
    (folder / "a_first.txt").write_text("turn on\nthe lights")
    (folder / "b.txt").write_text("schalte die Küche an", encoding="cp1252")  # as an older Windows writes it
    (folder / "c.wav").write_bytes(b"RIFF, but no sound")
    return folder


@pytest.fixture(scope="module")
def prepared(asr, folder) -> Preparation:
    made = Preparation(lambda: asr, programme([folder], folder / MANIFEST))
    made.run()
    return made


def test_a_slide_says_what_a_comparison_says_at_every_strength(asr, folder):
    slide, waveform = make_slide(asr, folder / "a_first.wav", "turn on the lights", "simulated stuttering, mild", True)
    assert (slide.label, slide.is_simulated, slide.language) == ("stuttering, mild", True, "en")
    assert len(slide.peaks) == N_PEAKS and max(slide.peaks) == 1
    for each in (slide.adapted[0], slide.adapted[4], slide.adapted[-1]):
        comparison = asr.compare(folder / "a_first.wav", "turn on the lights", strength=each.strength)
        assert each.line.n_errors == comparison.adapted.errors.n_errors
        assert slide.base.n_errors == comparison.base.errors.n_errors
        assert each.verdict.split(":")[0] == judge(comparison.base, comparison.adapted, None).outcome
    assert [each.strength for each in slide.adapted] == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
    assert slide.adapted[0].line == slide.base
    trained = asr.compare(folder / "a_first.wav")
    assert [layer.percent for layer in slide.layers] == pytest.approx(
        [100 * layer.relative_frobenius for layer in trained.layers]
    )
    sound, rate = soundfile.read(io.BytesIO(wav_bytes(waveform)))
    assert rate == SAMPLE_RATE and sound == pytest.approx(waveform, abs=1e-4)


def test_a_folder_is_presented_with_every_format_that_is_read(tmp_path):
    for name in ("a.wav", "b.oga", "c.MKV", "d.txt"):
        (tmp_path / name).write_bytes(b"some")
    assert [example.path.name for example in read_programme([tmp_path])] == ["a.wav", "b.oga", "c.MKV"]


def test_no_success_is_claimed_of_noise(asr, tmp_path):
    noise = 0.01 * np.random.default_rng(0).standard_normal(SAMPLE_RATE)
    soundfile.write(tmp_path / "noise.wav", noise, SAMPLE_RATE)
    slide, _ = make_slide(asr, tmp_path / "noise.wav", "turn on the lights")
    assert {each.verdict for each in slide.adapted} <= {f"not reliable: {doubt}" for doubt in DOUBTS.values()}


def test_the_stage_speaks_the_language_that_is_asked_for(prepared, folder):
    client = TestClient(stage_app(prepared, "127.0.0.1"), base_url="http://127.0.0.1")
    german = client.get("/slides", headers={"accept-language": "de-DE,de;q=0.9,en;q=0.8"}).json()
    english = client.get("/slides").json()
    assert german["left_out"][0].startswith("Fehlt in der Vorführung: c.wav ist nicht lesbar")
    assert german["slides"][0]["meant"] == english["slides"][0]["meant"] == "turn on the lights"
    for one, other in zip(german["slides"], english["slides"], strict=True):
        assert [each["outcome"] for each in one["adapted"]] == [each["outcome"] for each in other["adapted"]]
        assert other["axis"] == "Change of each decoder layer, in percent of its own weights"
        assert one["axis"] == "Änderung je Schicht des Decoders, in Prozent ihrer eigenen Gewichte"
    words = [each["slides"][0]["base"]["words"] for each in (german, english)]
    notes = {one["note"].split(":")[0]: other["note"].split(":")[0] for one, other in zip(*words, strict=True)}
    assert notes and notes.items() <= {"": "", "fehlt": "missing", "gemeint": "meant", "hinzugefügt": "added"}.items()
    page = client.get("/", headers={"accept-language": "de"}).text
    assert '<html lang="de">' in page and "</kbd> abspielen</button>" not in page and ">abspielen</span>" in page
    assert "<b>Kein Medizinprodukt.</b> Nicht zur Diagnose, Behandlung" in page
    refused = client.post("/live", content=b"no sound", headers={"accept-language": "de"}).json()["error"]
    assert "ist keine Tonaufnahme" in refused
    always = TestClient(stage_app(prepared, "127.0.0.1", "it"), base_url="http://127.0.0.1")
    assert '<html lang="it">' in always.get("/", headers={"accept-language": "de"}).text
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "fr"}).text


def test_words_are_marked_by_more_than_a_colour(asr, folder):
    slide, _ = make_slide(asr, folder / "a_first.wav", "turn on the lights")
    notes = {word.kind: word.note for word in slide.base.words if word.kind != "right"}
    assert notes and all(notes.values())
    slide, _ = make_slide(asr, folder / "a_first.wav")  # nobody knows what was meant
    assert slide.base.n_errors is None and {word.kind for word in slide.base.words} <= {"right"}


@pytest.mark.parametrize("meant", ["it is nine o'clock", None])
def test_stage_and_page_print_the_words_as_they_were_written(meant):
    made = comparison("It's nine o'clochao", "Um, it is nine O'Clock!", meant)
    line_of = slides._line_maker(made)
    page = panels.results_html(made, "bundled")
    for name, row in (("base", made.base), ("adapted", made.adapted)):
        on_stage = [word.text for word in line_of(row).words if word.kind != "missing"]
        on_page = re.findall(rf'<span data-word="{name}-\d+">(.*?)</span>', page)
        assert " ".join(on_stage).split() == [unescape(word) for word in on_page] == row.text.split()
    numbers = comparison("nine", "nine six", "nine six two please")
    assert (slides._counted_as(numbers), slides._counted_as(made)) == ("counted as 2 words", "")
    wrong = [(word.text, word.kind, word.note) for word in line_of(made.base).words if word.kind != "right"]
    assert wrong == ([("nine o'clochao", "wrong", "meant: nine o'clock")] if meant else [])


def test_a_word_of_the_base_alone_has_its_place_on_the_stage_too():
    made = comparison("turn on the lights", "turn the lights now")
    line_of = slides._line_maker(made)
    told = [(word.text, word.note) for word in line_of(made.adapted).words]
    assert told == [("turn", ""), ("–", "base: on"), ("the", ""), ("lights", ""), ("now", "not in base")]
    assert all(not word.note for word in line_of(made.base).words)
    nothing = comparison("turn on", "")
    assert (slides._line_maker(nothing)(nothing.adapted).words) == ()


def test_short_names_of_layers_are_written_out_below_them(asr, folder):
    slide, _ = make_slide(asr, folder / "a_first.wav")
    assert slide.axis.startswith("Change of each decoder layer,")  # there numbers are enough
    assert slide.is_partly_shared and asr.hypernet.n_shared
    layers = [LayerSize(f"model.{side}.layers.0.fc1", 0.1) for side in ("encoder", "decoder")]
    assert slides._of_layers(layers) == "encoder (enc) and decoder (dec) layer"
    axis = f"Change of each {slides._of_layers(layers)}, in percent of its own weights"
    assert translated(axis, "it").startswith("Cambiamento di ogni strato di encoder (enc.) e decoder (dec.), ")


def test_a_recording_that_fails_is_left_out_with_a_line(prepared):
    status = prepared.status()
    assert (status["state"], status["done"], status["total"]) == ("ready", 3, 3)
    assert [slide["label"] for slide in status["slides"]] == ["a first", "b"]
    assert status["slides"][0]["meant"] == "turn on the lights"
    assert [line.startswith("Left out: c.wav ") for line in status["left_out"]] == [True]
    assert status["left_out"][0].count("c.wav") == 1


def test_what_nobody_foresaw_leaves_out_one_recording_too(asr, folder, monkeypatch, caplog):
    monkeypatch.setattr(asr, "prepare", lambda _recording: 1 / 0)
    made = Preparation(lambda: asr, lambda _: [Example(folder / "b.wav", "", "b", "")])
    made.run()
    assert made.status()["left_out"] == ["b.wav is left out: something unexpected went wrong; the terminal says what."]
    assert "ZeroDivisionError" in caplog.text


def test_a_model_that_cannot_be_loaded_is_said_on_the_stage(capsys):
    def load() -> PersonalizedAsr:
        raise BackboneError("There is no folder x.")

    made = Preparation(load, lambda _: [])
    assert made.status()["state"] == "loading"
    with pytest.raises(LiveError, match=NOT_YET):
        made.live(b"")
    made.run()
    assert made.status()["failure"] == "The model cannot be loaded. There is no folder x."
    assert capsys.readouterr().err == "HyperWhisper cannot present: There is no folder x.\n"


def test_a_broken_program_is_said_on_the_stage_and_stays_loud():
    made = Preparation(lambda: 1 / 0, lambda _: [])
    with pytest.raises(ZeroDivisionError):
        made.run()
    assert made.status()["failure"].endswith("went wrong; the terminal says what.")


def test_examples_begin_with_one_that_gains():
    examples = ROOT / "examples" / "manifest.csv"
    if not examples.is_file():
        pytest.skip("there are no examples yet")
    assert [each.outcome for each in read_programme([examples])][:3] == ["gain", "tie", "harm"]


def test_without_places_the_examples_of_the_models_own_base_are_presented(asr, folder, tmp_path, capsys):
    """In a folder of the base's name; `asr` here is the random base, whose set says what it was chosen with."""
    bundled = tmp_path / "manifest.csv"
    bundled.write_text(f"file\n{folder / 'b.wav'}\n")
    assert [each.path.name for each in programme([], bundled)(asr)] == ["b.wav"]
    own = tmp_path / asr.hypernet.config.base_model / "manifest.csv"
    own.parent.mkdir()
    own.write_text(f'file,chosen_with\n{folder}/a_first.wav,"{LEARNED_EMBEDDING}"\n')
    made = Preparation(lambda: asr, programme([], bundled))
    made.run()
    assert (made.status()["total"], made.status()["chosen_with"]) == (1, [LEARNED_EMBEDDING])
    assert [each.path.name for each in programme([str(folder / "b.wav")], bundled)(asr)] == ["b.wav"]
    own.write_text("file\n")
    with pytest.raises(ManifestError, match="lists no recordings"):
        programme([], bundled)  # before anything is loaded


def test_nothing_to_present_is_one_sentence(tmp_path):
    with pytest.raises(ManifestError, match="holds neither a manifest.csv nor recordings to present"):
        read_programme([tmp_path])
    with pytest.raises(ManifestError, match="There is nothing to present at"):
        read_programme([tmp_path / "talk.wav"])


def test_what_is_served(prepared, folder):
    client = TestClient(stage_app(prepared, "127.0.0.1"), base_url="http://127.0.0.1")
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/stage.js", "/stage.drawing.js", "/stage.css", "/IBMPlexSans-Bold.woff2", "/favicon.svg"):
        assert client.get(path).status_code == 200, path
    assert client.get("/slides").json()["total"] == 3
    assert soundfile.read(io.BytesIO(client.get("/sounds/1").content))[1] == SAMPLE_RATE
    assert client.get("/sounds/2").status_code == 404
    live = client.post("/live", content=(folder / "b.wav").read_bytes())
    assert live.json()["base"]["words"] and len(live.json()["adapted"]) == 9
    assert client.post("/live", content=b"no sound").status_code == 422
    assert client.get("/slides", headers={"host": "elsewhere.example"}).status_code == 403
