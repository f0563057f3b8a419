"""The page to hand out holds all it shows, says what is simulated, and obeys nothing that was typed."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from test_clinic_report import ATTACK
from test_ui_panels import comparison, text_of

from hyper.__main__ import main
from hyper.compare.example_sets import LEARNED_EMBEDDING
from hyper.recordings.limits import AudioError
from hyper.recordings.manifest import ManifestRow
from hyper.reports.parts import CAUTION
from hyper.reports.story import SIMULATED, StoryError, chapter, check_page, story_html, title_of, write_story

ASR = SimpleNamespace(backbone=SimpleNamespace(fingerprint="abc123"))
STUTTER = ManifestRow("a.wav", Path("/secret/a.wav"), "turn on", cohort="stuttering", severity="mild", simulated=True)


@pytest.fixture(scope="module")
def page() -> str:
    made = comparison("turn on the light", "turn on the lights", reference="turn on the lights")
    hostile = replace(STUTTER, path=Path(f"/secret/{ATTACK.replace('/', '')}"), cohort="", simulated=False)
    own = comparison(ATTACK, "turn", reference=ATTACK)
    return story_html([chapter(made, STUTTER, ASR), chapter(own, hostile, ASR)])


def test_a_story_is_one_file_that_asks_for_nothing(page):
    addresses = re.findall(r'(?:src|href|srcset|action)="([^"]{0,20})|url\("?([^")]{0,20})', page)
    assert len(addresses) >= 8 and all((a or b).startswith("data:") for a, b in addresses)
    assert "<script" not in page and "/secret" not in page and page.startswith("<!DOCTYPE html>")


def test_a_story_has_the_sound_both_transcripts_with_their_errors_and_plots(page):
    (first, _) = re.findall(r'<audio[^>]* src="data:audio/wav;base64,([^"]+)"', page)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(first)))
    assert rate == 16_000
    np.testing.assert_allclose(samples, comparison("", "").waveform, atol=1e-4)
    said = text_of(page)
    assert "Base: 1 error in 4 words (1 replaced). Adapted: all 4 words right." in said
    assert "<b>light</b><small>meant: lights</small>" in page
    plots = re.findall(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(plots) == 4 and all(b"<svg" in base64.b64decode(content) for _, content in plots)
    assert "Pauses: none found" in plots[0][0] and "layer 1: 1.2 %" in plots[1][0]


def test_a_story_says_what_is_simulated_and_what_it_is_not_for(page):
    said = text_of(page)
    assert "Simulated stuttering, mild" in said and SIMULATED in said and said.count(CAUTION) == 1
    assert "none is kept" not in said  # it holds the audio
    assert title_of(replace(STUTTER, cohort="typical", severity="", simulated=False)) == "Typical speech"
    assert title_of(ManifestRow("b.wav", Path("b.wav"))) == "b.wav"


def test_what_was_typed_or_heard_stays_text(page):
    assert ATTACK not in page and "&lt;script&gt;alert" in page


def test_where_nobody_speaks_a_story_shows_no_plot():
    silent = comparison("thank you", "thank you", waveform=np.zeros(8000, np.float32))
    told = chapter(silent, STUTTER, ASR)
    assert told.plots == () and told.speaking == {}
    assert "thank you" not in text_of(story_html([told]))


def test_a_story_is_written_where_it_is_wanted(tmp_path):
    asked = []
    asr = SimpleNamespace(
        backbone=ASR.backbone,
        compare=lambda *given, language: asked.append((*given, language)) or comparison("turn on", None, given[1]),
    )
    write_story(asr, [replace(STUTTER, chosen_with=LEARNED_EMBEDDING)], tmp_path / "new" / "story.html", "de")
    assert asked == [("/secret/a.wav", "turn on", "de")]
    told = text_of((tmp_path / "new" / "story.html").read_text(encoding="utf-8"))
    assert "Simulated stuttering, mild" in told and LEARNED_EMBEDDING in told


def test_a_recording_that_cannot_be_used_is_left_out_of_a_story_by_name(tmp_path, monkeypatch, capsys):
    broken = replace(STUTTER, path=Path("/secret/broken.wav"), chosen_with="never said")

    def compare(path: str, *_: object, **__: object):
        if "broken" in path:
            raise AudioError("The recording is silent")
        return comparison("turn on", None)

    asr = SimpleNamespace(backbone=ASR.backbone, compare=compare)
    monkeypatch.setattr("hyper.commands.story.load_asr", lambda _: asr)
    monkeypatch.setattr("hyper.recordings.manifest.read_manifest", lambda _: [STUTTER, broken, STUTTER])
    assert main(["story", str(tmp_path / "story.html"), "--examples", "list.csv"]) == 0
    assert "left out broken.wav: The recording is silent\n" in capsys.readouterr().out
    told = text_of((tmp_path / "story.html").read_text(encoding="utf-8"))
    assert told.count("Simulated stuttering, mild") == 2 and "never said" not in told
    with pytest.raises(StoryError, match=r"No recording can be told: broken\.wav: The recording is silent"):
        write_story(asr, [broken], tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def test_a_story_is_written_over_no_recording(tmp_path, capsys):
    (recording := tmp_path / "a.wav").write_bytes(b"somebody")
    assert main(["story", str(recording), "--audio", str(tmp_path / "b.wav")]) == 1
    assert "a.wav; please name a file that ends in .html or .htm." in capsys.readouterr().err
    assert recording.read_bytes() == b"somebody"
    check_page(tmp_path / "a.HTM", [recording])
    with pytest.raises(StoryError, match=r"would be written over .*told\.html, which it tells of; please"):
        check_page(tmp_path / "new" / ".." / "told.html", [tmp_path / "told.html"])
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(StoryError, match="please name a file"):
        check_page(tmp_path / "folder.html", [])
