"""Corpora as they come to the manifest: a small folder of each one's shape, and rows worked out by hand."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile

from hyper.__main__ import main
from hyper.recordings import corpus_manifest
from hyper.recordings.corpora import CORPORA, find_corpus
from hyper.recordings.corpora.audiofolder import download
from hyper.recordings.corpora.talkbank import both_texts
from hyper.recordings.corpus import CorpusError
from hyper.recordings.corpus_manifest import convert
from hyper.recordings.manifest import read_manifest, source_speaker

SECONDS = 0.3


def sound(path: Path, seconds: float = SECONDS) -> Path:
    """A recording of noise, which grows louder: a piece tells where it was cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n_samples = round(seconds * 16_000)
    noise = np.random.default_rng(0).uniform(-1, 1, n_samples) * np.linspace(0.1, 0.9, n_samples)
    soundfile.write(path, noise, 16_000, subtype="PCM_16")
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def made(folder: Path, name: str, **options):
    """The rows that a corpus becomes, as the manifest has them, by file; and what was left out."""
    manifest = folder.parent / f"{folder.name}.csv"
    assert find_corpus("auto", folder).name == name
    converted = convert(CORPORA[name], folder, manifest, **options)
    rows = read_manifest(manifest)
    assert all(row.path.is_file() for row in rows)
    assert [row.reference for row in rows] == [row.reference for row in converted.rows]
    return {row.file.removeprefix(f"{folder.name}/"): row for row in rows}, dict(converted.left_out)


def told(row, *names: str) -> tuple:
    return tuple(getattr(row, name) for name in names)


def test_torgo(tmp_path):
    folder = tmp_path / "TORGO"
    prompts = {
        "F/F01/Session1": {"0001": "stick", "0002": "[relax your mouth]", "0003": "tear [as in tear up]"},
        "MC/MC02/Session2": {"0001": "The quick brown fox.", "0002": "input/images/dog.jpg", "0004": "xxx"},
    }
    for session, texts in prompts.items():
        for number, text in texts.items():
            write(folder / session / "prompts" / f"{number}.txt", text + "\n")
    for file in ("wav_headMic/0001", "wav_arrayMic/0001", "wav_headMic/0002", "wav_arrayMic/0003"):
        sound(folder / "F/F01/Session1" / f"{file}.wav")
    sound(folder / "MC/MC02/Session2/wav_headMic/0001.wav")
    rows, left_out = made(folder, "torgo")
    assert {file: told(row, "reference", "speaker", "cohort", "severity", "domain") for file, row in rows.items()} == {
        "F/F01/Session1/wav_headMic/0001.wav": ("stick", "torgo-F01", "dysarthria", "severe", "word"),
        "F/F01/Session1/wav_arrayMic/0003.wav": ("tear", "torgo-F01", "dysarthria", "severe", "word"),
        "MC/MC02/Session2/wav_headMic/0001.wav": ("The quick brown fox.", "torgo-MC02", "typical", "", "open"),
    }
    assert left_out == {"whose prompt has no words (movements, sounds, pictures)": 3}


@pytest.mark.parametrize("as_table", [False, True])
def test_uaspeech(tmp_path, as_table):
    folder = tmp_path / "UASpeech"
    for name in (
        "M07_B3_CW88_M5",
        "M07_B3_CW88_M7",
        "M07_B1_UW1_M5",
        "M07_B2_UW1_M5",
        "CF02_B1_C10_M5",
        "M04_B1_D3_M5",
    ):
        for version in ("original", "normalized"):
            sound(folder / "audio" / version / name.split("_")[0] / f"{name}.wav")
    if as_table:
        table = "WORD,FILE NAME\nTHE,CW88\nNATURALIZATION,B1_UW1\nFRUGALITY,B2_UW1\nPARAGRAPH,C10\nTHREE,D3\n"
        write(folder / "doc/speaker_wordlist.csv", table)
    else:
        labels = {"M07_B3_CW88_M5": "THE", "M07_B1_UW1_M2": "NATURALIZATION", "M07_B2_UW1_M2": "FRUGALITY"}
        labels |= {"M07_B1_C10_M2": "PARAGRAPH", "M07_B1_D3_M2": "THREE"}
        text = "#!MLF!#\n" + "".join(f'"*/{name}.lab"\n{word}\n.\n' for name, word in labels.items())
        write(folder / "mlf/M07/M07_word.mlf", text)
    rows, left_out = made(folder, "uaspeech")
    low, very_low = "intelligibility 28 % (low)", "intelligibility 2 % (very low)"
    found = {
        Path(file).stem: told(row, "reference", "speaker", "cohort", "severity", "domain", "note")
        for file, row in rows.items()
    }
    assert found == {
        "M07_B3_CW88_M5": ("the", "uaspeech-M07", "dysarthria", "severe", "word", f"block B3, {low}"),
        "M07_B1_UW1_M5": ("naturalization", "uaspeech-M07", "dysarthria", "severe", "word", f"block B1, {low}"),
        "M07_B2_UW1_M5": ("frugality", "uaspeech-M07", "dysarthria", "severe", "word", f"block B2, {low}"),
        "CF02_B1_C10_M5": ("paragraph", "uaspeech-CF02", "typical", "", "command", "block B1"),
        "M04_B1_D3_M5": ("three", "uaspeech-M04", "dysarthria", "severe", "word", f"block B1, {very_low}"),
    }
    assert all("/original/" in file for file in rows)
    assert left_out == {"of other microphones than M5": 1}


def test_uaspeech_without_words(tmp_path):
    sound(tmp_path / "audio/M05/M05_B1_D3_M5.wav")
    with pytest.raises(CorpusError, match="says nowhere which words were spoken.*save the sheet Word_filename"):
        convert(CORPORA["uaspeech"], tmp_path, tmp_path / "m.csv")


@pytest.mark.parametrize(("speaker", "severity"), [("M05", "moderate"), ("F05", "mild"), ("M16", "severe")])
def test_uaspeech_classes(tmp_path, speaker, severity):
    sound(tmp_path / f"{speaker}_B1_D3_M5.wav")
    write(tmp_path / "speaker_wordlist.csv", "WORD,FILE NAME\nTHREE,D3\n")
    (row,) = convert(CORPORA["uaspeech"], tmp_path, tmp_path / "m.csv").rows
    assert row.severity == severity


SAP_TRANSCRIPTS = {  # as written: what was meant, every sound
    "(f-*) Find {g: my} ~T ~V (ss: please)": ("Find my T V please", "f Find my T V please"),
    "(And) And (uh) it's a dry humor. [laughs]": ("And it's a dry humor.", "And And uh it's a dry humor."),
    "My favorite (s-) sandwich": ("My favorite sandwich", "My favorite s sandwich"),
}
SAP_UNUSABLE = {
    "nov": "marked as unusable",
    "with [PII], our son": "in which something private was silenced",
    "was {w: 3} in": "not intelligible throughout",
    "{f:}": "in another language",
    "(cs: Go ahead.) Call": "in which somebody else speaks too",
}


def test_sap(tmp_path):
    folder, person = tmp_path / "SAP", "f8e65210-0ac9-4c7c-c658-08db73ef9d1c"
    files = []
    for i, transcript in enumerate([*SAP_TRANSCRIPTS, *SAP_UNUSABLE]):
        ratings = [{"Level": "9", "Dimension Description": "Harsh voice"}] * 2
        ratings += [{"Level": "2", "Dimension Description": "Intelligibility"}]
        category = "Digital Assistant Commands" if i == 0 else "Spontaneous Speech Prompts"
        prompt = {"Prompt Text": "x", "Transcript": transcript, "Category Description": category}
        name = f"{person}_{i}_7_16kHz.wav"
        files.append({"Filename": name, "Prompt": prompt, "Ratings": ratings if i == 1 else []})
        sound(folder / "Train" / person / name)
    about = json.dumps({"Contributor ID": person, "Etiology": "Parkinson's Disease", "Files": files})
    write(folder / "Train" / person / f"{person}.json", about)
    write(folder / "Train/Only_Json" / f"{person}.json", about)  # the same again, without recordings
    rows, left_out = made(folder, "sap")
    assert [told(row, "reference", "verbatim") for row in rows.values()] == list(SAP_TRANSCRIPTS.values())
    assert {told(row, "speaker", "cohort", "severity") for row in rows.values()} == {
        (f"sap-{person}", "parkinsons", "")
    }
    assert [row.domain for row in rows.values()] == ["command", "open", "open"]
    assert [row.note for row in rows.values()] == ["", "intelligibility rated 2", ""]
    assert left_out == dict.fromkeys(SAP_UNUSABLE.values(), 1)


@pytest.mark.parametrize(
    "person", ["{}", '{"Etiology": null, "Files": [{"Filename": "a.wav", "Prompt": {"Transcript": "yes"}}]}']
)
def test_sap_with_another_json(tmp_path, person):
    write(tmp_path / "a-b-c-d-e/a-b-c-d-e.json", person)
    with pytest.raises(CorpusError, match="a-b-c-d-e.json is not the description of a contributor"):
        convert(CORPORA["sap"], tmp_path, tmp_path / "m.csv")


def test_easycall(tmp_path):
    folder = tmp_path / "EasyCall"
    sound(folder / "f06/f06_03_Chiama_Mali.wav")
    sound(folder / "mc01/mc01_01_Apri.wav")
    sound(folder / "m02/m02_01_Si.wav")
    write(folder / "speakers.csv", "speaker,TOM\nf06,4\nm02,2.0\n")
    rows, _ = made(folder, "easycall")
    assert {file: told(row, "reference", "speaker", "cohort", "severity", "note") for file, row in rows.items()} == {
        "f06/f06_03_Chiama_Mali.wav": ("Chiama Mali", "easycall-f06", "dysarthria", "severe", "TOM 4"),
        "m02/m02_01_Si.wav": ("Si", "easycall-m02", "dysarthria", "moderate", "TOM 2"),
        "mc01/mc01_01_Apri.wav": ("Apri", "easycall-mc01", "typical", "", ""),
    }
    assert {told(row, "licence", "corpus", "domain") for row in rows.values()} == {
        ("CC BY-NC 2.0 (as a copy on the hub says)", "easycall", "command")
    }


def test_nemours(tmp_path):
    folder = tmp_path / "Nemours"
    for name in ("BB1", "BB2", "JPBB1", "BB3"):
        sound(folder / "SPEECH/SENT" / f"{name}.wav")
    sound(folder / "SPEECH/PARA/BBP.wav")
    write(folder / "SPEECH/SENT/BB1.txt", "The bash is pairing the bath\n")
    write(folder / "SPEECH/SENT/JPBB1.txt", "The bash is pairing the bath\n")
    write(folder / "SPEECH/SENT/BB2.wrd", "signal BB2\n0 800 sil\n800 2000 The\n2000 3100 boat\n")
    rows, left_out = made(folder, "nemours")
    assert {Path(file).stem: told(row, "reference", "speaker", "cohort") for file, row in rows.items()} == {
        "BB1": ("The bash is pairing the bath", "nemours-BB", "dysarthria"),
        "BB2": ("The boat", "nemours-BB", "dysarthria"),
        "JPBB1": ("The bash is pairing the bath", "nemours-JP", "typical"),
    }
    assert left_out == {"without a text": 1}


def test_nemours_labels_with_an_empty_line(tmp_path):
    sound(tmp_path / "Nemours/SENT/BB1.wav")
    write(tmp_path / "Nemours/SENT/BB1.wrd", "0 800 The\n  \n \n 800 2000 boat\n\n")
    rows, _ = made(tmp_path / "Nemours", "nemours")
    assert [row.reference for row in rows.values()] == ["The boat"]


def test_libristutter_keeps_its_speakers_with_librispeech(tmp_path):
    folder = tmp_path / "LS"
    part, lines = folder / "LibriStutter Part 1", "the,0.1,0.3,0\nSTUTTER,0.3,0.6,3\nSTUTTER,0.6,0.7,5\ncat,0.7,0.9,0\n"
    sound(part / "LibriStutter Audio/84/121/84-121-0001.flac")
    write(part / "LibriStutter Annotations/84/121/84-121-0001.csv", lines)
    rows, _ = made(folder, "libristutter")
    (row,) = rows.values()
    assert told(row, "reference", "cohort", "simulated", "note", "verbatim") == (
        "the cat", "stuttering", True, "1 prolongation, 1 word repetition", ""
    )  # fmt: skip
    speech = tmp_path / "LibriSpeech"
    sound(speech / "84/121/84-121-0000.flac")
    write(speech / "84/121/84-121.trans.txt", "84-121-0000 THE CAT SAT\n84-121-0009 GONE\n")
    rows, left_out = made(speech, "librispeech")
    (own,) = rows.values()
    assert told(own, "reference", "speaker", "cohort", "licence") == (
        "the cat sat",
        "librispeech-84",
        "typical",
        "CC BY 4.0",
    )
    assert left_out == {"whose recording is missing": 1}
    assert source_speaker(row) == source_speaker(own) == "librispeech-84"
    write(part / "LibriStutter Annotations/84/121/84-121-0001.csv", "the,0.1\n")
    with pytest.raises(CorpusError, match="84-121-0001.csv must have four values a line"):
        convert(CORPORA["libristutter"], folder, tmp_path / "m.csv")


def test_sep28k_has_no_texts(tmp_path, capsys):
    folder = tmp_path / "SEP"
    columns = (
        "Show,EpId,ClipId,Start,Stop,Unsure,PoorAudioQuality,Prolongation,Block,SoundRep,WordRep,Interjection,Music"
    )
    lines = ["A, 010,0,0,48000,0,0,0,3,2,1,0,0", "A, 010,1,0,48000,0,0,0,1,0,0,0,0", "A, 010,2,0,48000,0,0,0,3,0,0,0,3"]
    write(folder / "SEP-28k_labels.csv", "\n".join([columns, *lines]))
    for i in range(3):
        sound(folder / f"clips/A/010/A_010_{i}.wav")
    out = tmp_path / "m.csv"
    assert main(["corpus", "sep28k", str(folder), "--out", str(out)]) == 1
    assert "sep28k has labels and no transcripts" in capsys.readouterr().err and not out.exists()
    rows, left_out = made(folder, "sep28k", without_text=True)
    assert {file: told(row, "reference", "speaker", "cohort", "note") for file, row in rows.items()} == {
        "clips/A/010/A_010_0.wav": ("", "sep28k-A_010", "stuttering", "Block 3, SoundRep 2"),
        "clips/A/010/A_010_1.wav": ("", "sep28k-A_010", "", ""),
    }
    assert left_out == {"with music, poor sound or no speech": 1}


CHAT = """\
@Begin
@Participants:	PAR Participant, INV Investigator
@ID:	eng|Voices|PAR|34;05.|female|AWS||Participant|||
@ID:	eng|Voices|INV|||||Investigator|||
@Media:	24fa, video
*INV:	tell me . \x150_400\x15
*PAR:	I &-um want <the red> [//] the
	blue one [: ones] . \x15500_1000\x15
*PAR:	xxx bird . \x151000_1300\x15
*PAR:	no times here .
*PAR:	ja . \x151300_1400\x15
%mor:	co|ja .
@End
"""


def test_talkbank(tmp_path):
    folder = tmp_path / "Fluency"
    write(folder / "voices/24fa.cha", CHAT)
    recording = sound(folder / "media/24fa.wav", 2.0)
    with pytest.raises(CorpusError, match="2 utterances of .* are pieces of longer recordings; .* --cut"):
        convert(CORPORA["talkbank"], folder, tmp_path / "m.csv")
    rows, left_out = made(folder, "talkbank", cut=tmp_path / "pieces")
    ((file, row),) = rows.items()
    assert file == "pieces/media/24fa/00000.500-00001.000.wav"
    assert told(row, "reference", "verbatim", "speaker", "cohort", "age") == (
        "I want the blue ones", "I um want the red the blue one", "talkbank-voices-24f-PAR", "stuttering", "34"
    )  # fmt: skip
    whole, piece = soundfile.read(recording)[0], soundfile.read(row.path)[0]
    assert np.allclose(piece, whole[8_000:16_000], atol=2e-4)
    assert left_out == {
        "of interviewers and other people": 1, "not intelligible throughout": 1, "without times": 1,
        "shorter than 0.2 s": 1,
    }  # fmt: skip


def test_fluencybank_timestamped(tmp_path):
    folder = tmp_path / "FB"
    write(folder / "metadata.csv", "segid,segstart,segend\n24fa_001,0.1,0.9\n24fb_001,0.0,0.5\n")
    columns = "word,wordstart,wordend,fp,rp,rv,pw"
    words = ["Um,0,0.1,1,0,0,0", "the,0.1,0.2,,1,0,0", "the,0.2,0.3,0,0,0,0", "cat,0.3,0.8,0,0,0,0"]
    write(folder / "csvs/csvs/24fa_001.csv", "\n".join([columns, *words]))
    write(folder / "csvs/csvs/24fb_001.csv", f"{columns}\nno,0,0.4,0,0,0,0\n")
    sound(folder / "wav/24fa.wav", 1.0)
    rows, left_out = made(folder, "fluencybank", cut=tmp_path / "pieces")
    ((file, row),) = rows.items()
    assert file == "pieces/wav/24fa/00000.100-00000.900.wav"
    assert told(row, "reference", "verbatim", "speaker", "cohort", "note", "corpus") == (
        "the cat", "Um the the cat", "fluencybank-24f", "stuttering", "filled pause, repetition", "fluencybank",
    )  # fmt: skip
    assert left_out == {"whose recording is missing": 1}
    (folder / "csvs/csvs/24fb_001.csv").unlink()
    with pytest.raises(CorpusError, match="lists 24fb_001, but there is no 24fb_001.csv below"):
        convert(CORPORA["fluencybank"], folder, tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("line", "meant", "said"),
    [
        ("I [/] I &+fr friend .", "I friend", "I I fr friend"),
        ("<I want> [/] <I &-uh want> [//] he wants it +...", "he wants it", "I want I uh want he wants it"),
        ("<I <saw> [/] saw> [//] we saw", "we saw", "I saw saw we saw"),
        ("(be)cause it is 0the wif [: with] [* p:n] me (.) (2.5) !", "because it is with me", "cause it is wif me"),
        ("no [x 3] way &=laughs &*INV:mhm ↫r-r↫rabbit ≠now wo:rd hund@s:deu", "no way rabbit now word hund",
         "no no no way r r rabbit now word hund"),
        ("+< +^ yeah , New_York [>] [=! laughs] „ good-bye ?", "yeah New York good-bye", "yeah New York good-bye"),
        ("&-um .", "", "um"),
        (".", "", ""),
    ],
)  # fmt: skip
def test_chat_becomes_two_texts(line, meant, said):
    assert both_texts(line) == (meant, said)


@pytest.mark.parametrize("unheard", ["xxx", "<xxx I> [//] I go", "I <www> [//] go", "<I <yyy> [/] saw> [//] we saw"])
def test_chat_that_is_not_intelligible_throughout(tmp_path, unheard):
    sound(tmp_path / "Fluency/24fa.wav", 2.0)
    chat = CHAT.replace("*PAR:\t", f"*PAR:\t{unheard} ")
    assert chat != CHAT
    write(tmp_path / "Fluency/24fa.cha", chat)
    with pytest.raises(CorpusError, match=r"Nothing of .* can be used: .*\d not intelligible throughout"):
        convert(CORPORA["talkbank"], tmp_path / "Fluency", tmp_path / "m.csv", cut=tmp_path / "pieces")


def test_commonvoice(tmp_path):
    folder = tmp_path / "CV"
    client = "0123456789abcdef" * 8
    write(folder / "en/train.tsv", "client_id\tpath\tsentence\n")
    write(folder / "en/validated.tsv", f'client_id\tpath\tsentence\tage\n{client}\ta.wav\t"No\ttwenties\n')
    write(folder / "en/clip_durations.tsv", "clip\tduration[ms]\na.wav\t7200\n")
    sound(folder / "en/clips/a.wav")
    rows, _ = made(folder, "commonvoice")
    (row,) = rows.values()
    assert told(row, "reference", "speaker", "age", "cohort", "licence") == (
        '"No', "commonvoice-0123456789abcdef", "twenties", "typical", "CC0 1.0"
    )  # fmt: skip
    assert convert(CORPORA["commonvoice"], folder, tmp_path / "m.csv").seconds == pytest.approx(7.2)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("client_id\tpath\nx\ta.wav\n", "A list in .* is not as commonvoice has them: 'sentence' is missing."),
        ("client_id\tpath\tsentence\nx\ta.wav\tyes\n", "commonvoice has them: could not convert string to float: 'x'."),
    ],
)
def test_a_list_with_other_columns_or_values(tmp_path, table, words):
    write(tmp_path / "validated.tsv", table)
    write(tmp_path / "clip_durations.tsv", "clip\tduration[ms]\n" + "a.wav\tx\n" * ("sentence" in table))
    sound(tmp_path / "clips/a.wav")
    with pytest.raises(CorpusError, match=words):
        convert(CORPORA["commonvoice"], tmp_path, tmp_path / "m.csv")


def test_kaldi(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    path = sound(tmp_path / "elsewhere/rec1.wav", 1.0)
    sound(folder / "rec2.wav")
    write(folder / "wav.scp", f"rec1 {path}\nrec2 rec2.wav\n")
    write(folder / "text", "rec1 guten Tag\nrec2 hallo\n")
    write(folder / "utt2spk", "rec1 anna\nrec2 ben\n")
    rows, _ = made(folder, "kaldi")
    assert sorted(told(row, "reference", "speaker", "corpus", "licence") for row in rows.values()) == [
        ("guten Tag", "data-anna", "data", ""), ("hallo", "data-ben", "data", "")
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path / "elsewhere")  # as Kaldi's scripts do: paths from where one is
    write(folder / "wav.scp", "rec1 rec1.wav\nrec2 ../elsewhere/rec1.wav\n")
    write(folder / "segments", "anna-1 rec1 0.25 0.75\nanna-2 rec2 0.5 -1\n")
    write(folder / "text", "anna-1 Tag\nanna-2 auch\n")
    write(folder / "utt2spk", "anna-1 anna\nanna-2 anna\n")
    rows, _ = made(folder, "kaldi", cut=tmp_path / "pieces")
    assert [told(row, "reference", "speaker") for row in rows.values()] == [("Tag", "data-anna"), ("auch", "data-anna")]
    assert [file.split("/")[-1] for file in rows] == ["00000.250-00000.750.wav", "00000.500-00001.000.wav"]
    assert all(row.path.resolve().is_relative_to(tmp_path / "pieces") for row in rows.values())
    assert [len(soundfile.read(row.path)[0]) for row in rows.values()] == [8_000, 8_000]


def test_what_kaldi_s_jobs_share_out_is_listed_once(tmp_path):
    path = sound(tmp_path / "elsewhere/a.wav")
    for place in ("train", "train/split2/1", "train/split1utt/1", "other/split2/1"):
        write(tmp_path / "data" / place / "wav.scp", f"a {path}\n")
        write(tmp_path / "data" / place / "text", f"a {place}\n")
    told = [utterance.reference for utterance in CORPORA["kaldi"].read(tmp_path / "data")]
    assert told == ["other/split2/1", "train"]  # the first is nobody's share: no data folder lies above it


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"wav.scp": "a sox a.wav -t wav - |"}, "commands out of a list are not run here"),
        ({"segments": "u b 0 1"}, "cuts u from b, which wav.scp does not list"),
        ({"segments": "u a 0 x"}, "u needs a recording, a start and an end in seconds"),
        ({"segments": "u a 0 -2"}, "u needs a recording, a start and an end in seconds"),
        ({"segments": "u a 1 0.5"}, "u needs a recording, a start and an end in seconds"),
    ],
)
def test_kaldi_errors(tmp_path, files, words):
    for name, text in ({"wav.scp": "a a.wav", "text": "a hallo"} | files).items():
        write(tmp_path / name, text + "\n")
    with pytest.raises(CorpusError, match=words):
        convert(CORPORA["kaldi"], tmp_path, tmp_path / "m.csv")


LHOTSE_FILE = {"type": "file", "channels": [0], "source": "r.wav"}


def lhotse(folder: Path, supervision: dict, *sources: dict) -> None:
    folder.mkdir(exist_ok=True)
    recording = {
        "id": "r",
        "sources": sources or (LHOTSE_FILE,),
        "sampling_rate": 16_000,
        "num_samples": 16_000,
        "duration": 1.0,
    }
    packed = gzip.compress((json.dumps(recording) + "\n").encode())
    (folder / "x_recordings_train.jsonl.gz").write_bytes(packed)
    write(folder / "x_supervisions_train.jsonl", json.dumps({"id": "s", "recording_id": "r"} | supervision) + "\n")


def test_lhotse(tmp_path):
    folder = tmp_path / "manifests"
    sound(folder / "r.wav", 1.0)
    whole = {"start": 0, "duration": 1.0, "text": "hello", "speaker": "s1", "custom": {"severity": "mild"}}
    lhotse(folder, whole)
    rows, _ = made(folder, "lhotse")
    assert told(rows["r.wav"], "reference", "speaker", "severity") == ("hello", "manifests-s1", "mild")
    lhotse(folder, whole | {"start": 0.5, "duration": 0.5})
    rows, _ = made(folder, "lhotse", cut=tmp_path / "pieces")
    assert list(rows) == ["pieces/r/00000.500-00001.000.wav"]


@pytest.mark.parametrize(
    ("supervision", "sources", "words"),
    [
        ({"recording_id": "q"}, [], "speaks of the recording q, which no manifest lists"),
        ({}, [{"type": "url", "source": "x"}], "recording r is not one file on this machine"),
        ({}, [LHOTSE_FILE, LHOTSE_FILE], "recording r is not one file on this machine"),
        (
            {"start": None},
            [],
            "A list in .* is not as lhotse has them: float.* argument must be a string or a .*number",
        ),
        ({"custom": "mild"}, [], "A list in .* is not as lhotse has them: 'str' object has no attribute 'get'"),
    ],
)
def test_lhotse_errors(tmp_path, supervision, sources, words):
    lhotse(tmp_path, {"start": 0, "duration": 1.0} | supervision, *sources)
    with pytest.raises(CorpusError, match=words):
        convert(CORPORA["lhotse"], tmp_path, tmp_path / "m.csv")


def test_euphonia(tmp_path):
    folder = tmp_path / "store"
    write(folder / "anna/data/0/phrase.txt", "Call my sister.\n")
    sound(folder / "anna/data/0/recording.wav")
    write(folder / "ben/phrases.txt", "Hello.\nGood night.\n")
    sound(folder / "ben/prompt1.wav")
    rows, left_out = made(folder, "euphonia")
    assert {file: told(row, "reference", "speaker") for file, row in rows.items()} == {
        "anna/data/0/recording.wav": ("Call my sister.", "store-anna"),
        "ben/prompt1.wav": ("Good night.", "store-ben"),
    }
    assert left_out == {}


def test_audiofolder(tmp_path):
    folder = tmp_path / "set"
    write(
        folder / "train/metadata.csv", 'file_name,transcription,speaker_id,cohort\na.wav,"yes, please",7,dysarthria\n'
    )
    write(folder / "test/metadata.jsonl", '{"file_name": "b.wav", "text": "no", "age": 71}\n')
    sound(folder / "train/a.wav")
    sound(folder / "test/b.wav")
    rows, _ = made(folder, "audiofolder")
    assert {file: told(row, "reference", "speaker", "cohort", "age") for file, row in rows.items()} == {
        "train/a.wav": ("yes, please", "set-7", "dysarthria", ""),
        "test/b.wav": ("no", "", "", "71"),
    }


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("metadata.csv", "path,text\na.wav,yes\n", "has the columns path, text; one must be called file_name"),
        ("metadata.jsonl", "{oops\n", "metadata.jsonl is not JSON, one object a line"),
        ("metadata.jsonl", "[1]\n", "metadata.jsonl is not JSON, one object a line"),
        ("metadata.jsonl", "[" * 100_000, "metadata.jsonl is not JSON, one object a line"),
        (
            "metadata.csv",
            'file_name,text\na.wav,"yes\n' + "b.wav,a whole sentence to read\n" * 5000,
            r"metadata.csv cannot be read as a table \(field larger .*\); look for a quotation mark that is not closed",
        ),
    ],
)
def test_audiofolder_errors(tmp_path, file, text, words):
    write(tmp_path / file, text)
    with pytest.raises(CorpusError, match=words):
        convert(CORPORA["audiofolder"], tmp_path, tmp_path / "m.csv")


def test_audiofolder_with_a_byte_order_mark(tmp_path):
    sound(tmp_path / "set/a.wav")
    write(tmp_path / "set/metadata.jsonl", '\ufeff{"file_name": "a.wav", "text": "yes"}\n')
    rows, _ = made(tmp_path / "set", "audiofolder")
    assert rows["a.wav"].reference == "yes"


def test_a_damaged_lhotse_manifest(tmp_path):
    lhotse(tmp_path, {"start": 0, "duration": 1.0})
    file = tmp_path / "x_recordings_train.jsonl.gz"
    packed = file.read_bytes()
    file.write_bytes(packed[:10] + b"\xff" * 20 + packed[30:])
    with pytest.raises(CorpusError, match=r"x_recordings_train.jsonl.gz is not JSON, one object a line; please export"):
        convert(CORPORA["lhotse"], tmp_path, tmp_path / "m.csv")


def test_plain_folder(tmp_path, capsys):
    folder = tmp_path / "clinic"
    for name in ("anna/1.wav", "anna/2.wav", "3.wav"):
        sound(folder / name)
    write(folder / "anna/1.txt", "turn on\nthe light\n")
    (folder / "3.txt").write_bytes("Café".encode("cp1252"))
    rows, left_out = made(folder, "plain")
    assert {file: told(row, "reference", "speaker", "corpus") for file, row in rows.items()} == {
        "3.wav": ("Café", "", "clinic"),
        "anna/1.wav": ("turn on the light", "clinic-anna", "clinic"),
    }
    assert left_out == {"without a text": 1}
    (folder / "anna/1.wav").write_bytes(b"RIFF")
    sound(folder / "3.wav", 0.1)
    _, left_out = made(folder, "plain", without_text=True)
    assert left_out == {"whose recording cannot be read": 1, "shorter than 0.2 s": 1}
    (folder / "anna/2.wav").unlink()
    assert main(["corpus", "auto", str(folder), "--out", str(tmp_path / "m.csv")]) == 1
    assert "can be used: 1 shorter than 0.2 s, 1 whose recording cannot be read." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.webm", "A.WAV", "a.Opus", "a.amr"])
def test_a_plain_folder_may_hold_any_format_that_is_read(tmp_path, name):
    (tmp_path / name).write_bytes(b"sound")
    write((tmp_path / name).with_suffix(".txt"), "turn on the light")
    assert find_corpus("auto", tmp_path).name == "plain"
    assert CORPORA["plain"].layout == "a recording with *.txt"


def test_a_recording_that_cannot_be_decoded_loses_its_pieces_only(tmp_path):
    write(tmp_path / "f/wav.scp", "a a.wav\nb b.wav\n")
    write(tmp_path / "f/segments", "u a 0 0.3\nv b 0 0.3\n")
    write(tmp_path / "f/text", "u yes\nv no\n")
    sound(tmp_path / "f/a.wav")
    (tmp_path / "f/b.wav").write_bytes(b"RIFF")
    rows, left_out = made(tmp_path / "f", "kaldi", cut=tmp_path / "pieces")
    assert [row.reference for row in rows.values()] == ["yes"]
    assert left_out == {"whose recording cannot be read": 1}


def test_a_recording_that_is_too_long_is_called_so_and_not_broken(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus_manifest, "MAX_LONG_SECONDS", 1)
    write(tmp_path / "f/wav.scp", "a a.wav\nb b.wav\n")
    write(tmp_path / "f/segments", "u a 0 0.3\nv b 0 0.3\n")
    write(tmp_path / "f/text", "u yes\nv no\n")
    sound(tmp_path / "f/a.wav")
    sound(tmp_path / "f/b.wav", 2.0)
    _, left_out = made(tmp_path / "f", "kaldi", cut=tmp_path / "pieces")
    assert left_out == {"whose recording is longer than 1 s": 1}


def test_the_command_says_what_came_of_it(tmp_path, capsys):
    for speaker, text in (("anna", "yes"), ("ben", "no")):
        sound(tmp_path / "f" / speaker / "1.wav", 18.0)
        write(tmp_path / "f" / speaker / "1.txt", text)
    sound(tmp_path / "f/ben/2.wav")
    assert main(["corpus", "auto", str(tmp_path / "f"), "--out", str(tmp_path / "f/m.csv")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "plain: Folder of recordings beside .txt files",
        "2 recordings, 2 named speakers, 0.01 h",
        "  (no cohort): 2 recordings of 2 speakers",
        "left out: 1 without a text",
        "licence: not said by the list",
        "consent: the files do not say; ask the speakers",
        f"wrote {tmp_path / 'f/m.csv'}",
    ]
    assert [row.file for row in read_manifest(tmp_path / "f/m.csv")] == ["anna/1.wav", "ben/1.wav"]


def test_the_page_describes_each_corpus():
    page = (Path(__file__).parent.parent / "docs" / "corpora.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.M)) == sorted(CORPORA)


@pytest.mark.parametrize("arguments", [[], ["--list"]])
def test_the_corpora_are_listed(arguments, capsys):
    assert main(["corpus", *arguments]) == 0
    page = capsys.readouterr().out
    assert all(f"\n{name} " in page for name in CORPORA) and "CC BY-NC 4.0" in page
    assert max(map(len, page.splitlines())) <= 120


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["torgo"], "Please name the folder of the corpus, and the manifest to write with --out."),
        (["torgo", "owner/name", "--out", "m.csv"], "There is no folder owner/name; a data set of the hub"),
        (["torgoo", ".", "--out", "m.csv"], "There is no corpus 'torgoo' here; choose one of auto, audiofolder"),
        (["torgo", "EMPTY", "--out", "m.csv"], "holds nothing of torgo; looked for Session*/prompts/*.txt."),
        (["auto", "EMPTY", "--out", "m.csv"], "looks like no corpus that is known here; looked for audiofolder: meta"),
        (["plain", "x", "--download", "y", "--out", "m.csv"], "--download fetches a data set of the hub"),
    ],
)  # fmt: skip
def test_errors_of_the_command(tmp_path, arguments, words, capsys):
    assert main(["corpus", *(str(tmp_path) if each == "EMPTY" else each for each in arguments)]) == 1
    complaint = capsys.readouterr().err
    assert words in complaint and complaint.count("\n") == 1


def test_a_folder_of_two_corpora_must_be_named(tmp_path):
    write(tmp_path / "a.cha", "")
    write(tmp_path / "b.trans.txt", "")
    sound(tmp_path / "c.wav")
    with pytest.raises(CorpusError, match="could be librispeech or talkbank; please name"):
        find_corpus("auto", tmp_path)


def test_a_corpus_goes_before_a_list_and_a_list_before_a_plain_folder(tmp_path):
    write(tmp_path / "readme.txt", "")
    sound(tmp_path / "c.wav")
    assert find_corpus("auto", tmp_path).name == "plain"
    assert find_corpus("UASpeech", tmp_path).name == "uaspeech"  # as its makers write it
    write(tmp_path / "metadata.csv", "")
    assert find_corpus("auto", tmp_path).name == "audiofolder"
    write(tmp_path / "a.cha", "")
    assert find_corpus("auto", tmp_path).name == "talkbank"


class Sound:
    """Stands in for datasets.Audio."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class Examples(list):
    """Stands in for datasets.Dataset."""

    features = {"audio": Sound(), "text": "string"}

    def cast_column(self, name, kind):
        assert name == "audio" and not kind.decode
        return [dict(example) for example in self]


def test_the_hub_is_asked_only_with_download(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r"read with the package datasets\[audio\], which is not installed"):
        download("owner/name", tmp_path / "set")
    content = sound(tmp_path / "x.wav").read_bytes()
    fake = ModuleType("datasets")
    fake.Audio = Sound
    fake.load_dataset = {
        "owner/name": {"train": Examples([{"audio": {"path": "x.wav", "bytes": content}, "text": "hi"}])}
    }.get
    fake.exceptions = ModuleType("datasets.exceptions")
    fake.exceptions.DatasetsError = type("DatasetsError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "datasets", fake)
    monkeypatch.setitem(sys.modules, "datasets.exceptions", fake.exceptions)
    target, out = tmp_path / "set", tmp_path / "set.csv"
    assert main(["corpus", "audiofolder", "owner/name", "--download", str(target), "--out", str(out)]) == 0
    (row,) = read_manifest(out)
    assert told(row, "file", "reference", "corpus") == ("set/train/0000000.wav", "hi", "set")
    fake.load_dataset = lambda name: {"train": SimpleNamespace(features={"text": "string"})}
    with pytest.raises(CorpusError, match="owner/name has the columns text; none of them is sound"):
        download("owner/name", target)

    def refuse(name):
        raise fake.exceptions.DatasetsError("An error occurred.") from ImportError("Please install torchcodec.")

    fake.load_dataset = refuse
    with pytest.raises(CorpusError, match="owner/name cannot be fetched from the hub: Please install torchcodec."):
        download("owner/name", target)
    fake.load_dataset = int
    with pytest.raises(CorpusError, match="owner/name cannot be fetched from the hub: invalid literal"):
        download("owner/name", target)
