"""Other languages than English, all the way: spoken by espeak-ng, transcribed, counted, shown and reported."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.compare.terminal import comparison_text
from hyper.metrics.normalize import EACH_CHARACTER
from hyper.model.shapes import SHAPES, random_backbone
from hyper.recordings.audio import load_audio
from hyper.recordings.manifest import ManifestRow
from hyper.reports.content import clinic_report
from hyper.reports.html import html_text
from hyper.reports.one_recording import recording_report
from hyper.reports.pdf import pdf_bytes
from hyper.ui.panels import results_html
from tests.test_shapes import written_by_transformers

# espeak-ng's voice, what is said, and how many words are counted.
SPOKEN = {
    "de": ("de", "Mach bitte das Licht in der Küche an.", 8),
    "es": ("es", "Enciende la luz de la cocina, por favor.", 8),
    "it": ("it", "Accendi la luce della cucina.", 5),
    "tr": ("tr", "Lütfen mutfağın ışığını aç.", 4),
    "fr": ("fr", "Allume la lumière de la cuisine.", 6),
    "ar": ("ar", "افتح ضوء المطبخ من فضلك", 5),
    "zh": ("cmn", "请打开厨房的灯。", 7),  # characters
}


@pytest.fixture(scope="module")
def asr(make_hypernet) -> PersonalizedAsr:
    """A narrow multilingual Whisper with random weights."""
    backbone = random_backbone(SHAPES["tiny"].narrow(8), "cpu", n_written=6)
    return PersonalizedAsr(backbone, make_hypernet(backbone, rank=2, alpha=3.0), "hypernet-random")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ManifestRow]:
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed")
    folder = tmp_path_factory.mktemp("languages")
    rows = {}
    for language, (voice, text, _) in SPOKEN.items():
        file = folder / f"{language}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", file, text], check=True)
        rows[language] = ManifestRow(file.name, file, text, f"speaker-{language}")
    return rows


@pytest.mark.parametrize("language", SPOKEN)
def test_a_language_from_its_recording_to_its_report(language: str, asr, recordings) -> None:
    row, n_words = recordings[language], SPOKEN[language][2]
    comparison = asr.compare(row.path, row.reference, language=language)
    backbone = asr.backbone
    assert backbone.tokenizer.decode(backbone.prompt(language)[1]) == f"<|{language}|>"
    waveform = load_audio(row.path)
    states = backbone.encode(backbone.log_mel([waveform], backbone.window_samples(len(waveform))))[-1]
    tokens = written_by_transformers(backbone, backbone.model, states, language)
    assert list(comparison.base.transcript.tokens) == tokens
    assert comparison.base.errors.n_reference == comparison.adapted.errors.n_reference == n_words

    page = results_html(comparison, "tiny")
    assert f'<bdi lang="{language}">{row.reference}</bdi>' in page and 'class="hw-columns" dir="auto"' in page
    meant = " ".join(re.findall(r'class="hw-meant-here" dir="ltr"><bdi>([^<]+)</', page)).split()
    assert len(meant) == n_words  # a random model has no word right
    assert (EACH_CHARACTER in page) == (EACH_CHARACTER in comparison_text(comparison, "a.wav")) == (language == "zh")
    assert "numbers as digits" not in page

    evaluation = score_manifest(asr, [row], language=language)
    assert evaluation.utterances[0].base.errors == comparison.base.errors
    report = clinic_report(evaluation)
    html = html_text(report)
    assert f'<p class="text" dir="auto">{row.reference}</p>' in html and "Whisper&#39;s basic normaliser" in html
    assert (EACH_CHARACTER in html) == (language == "zh")
    assert pdf_bytes(report).startswith(b"%PDF")
    one = html_text(recording_report(comparison, "a.wav", backbone.fingerprint))
    assert (EACH_CHARACTER in one) == (language == "zh")
    assert (f"meant: {row.reference[0]}<" in one) == (language == "zh")


def test_each_language_is_another_prompt_and_may_be_another_transcript(asr, recordings) -> None:
    written = {
        language: asr.compare(recordings["de"].path, language=language).base.text for language in ("de", "es", "zh")
    }
    assert len(set(written.values())) > 1
