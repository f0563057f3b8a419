"""UASpeech: single words of people with cerebral palsy, and of others of their age.

Layout: lhotse-style recipes and Kaldi scripts in public repositories read audio/[original/]SPEAKER/M07_B3_CW88_M7.wav
and mlf/SPEAKER/SPEAKER_word.mlf; import scripts read the sheet Word_filename of speaker_wordlist.xls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, CorpusError, Utterance, recordings_in, records, text_of

# Share of words that listeners understood, in percent, from the sheet Speaker of speaker_wordlist.xls.
INTELLIGIBILITY = {
    "M04": 2, "F03": 6, "M12": 7.4, "M01": 15, "M07": 28, "F02": 29, "M16": 43, "M05": 58, "F04": 62, "M11": 62,
    "M09": 86, "M14": 90.4, "M08": 93, "M10": 93, "F05": 95,
}  # fmt: skip
CLASSES = ((25, "very low", "severe"), (50, "low", "severe"), (75, "mid", "moderate"), (100, "high", "mild"))
VERSIONS = ("original", "normalized", "noisereduce")  # of the same recordings; the first that is there is read
MICROPHONE = "M5"  # of seven that hear the same; the one that papers use
NAME = re.compile(r"(?P<speaker>C?[FM]\d\d)_(?P<block>B\d)_(?P<code>[A-Z]+\d*)_(?P<microphone>M\d)", re.I)


def read(folder: Path) -> Iterator[Utterance]:
    """One microphone's recording of each word."""
    words = _words(folder)
    versions = [path for name in VERSIONS for path in sorted(folder.rglob(f"audio/{name}"))]
    for path in recordings_in(versions[0] if versions else folder):
        name = NAME.fullmatch(path.stem)
        if name is None:
            continue
        if name["microphone"] != MICROPHONE:
            yield Utterance(path, left_out=f"of other microphones than {MICROPHONE}")
            continue
        share, known, severity = INTELLIGIBILITY.get(name["speaker"]), "", ""
        if share is not None:
            _, understood, severity = next(each for each in CLASSES if share <= each[0])
            known = f", intelligibility {share:g} % ({understood})"
        yield Utterance(
            path,
            reference=words.get(_key(name), "").lower(),
            speaker=name["speaker"],
            cohort="typical" if name["speaker"].startswith("C") else "dysarthria",
            severity=severity,
            domain="command" if re.fullmatch(r"C\d+", name["code"]) else "word",
            note=f"block {name['block']}{known}",
        )


def _key(name: re.Match[str]) -> str:
    """What names a word for all speakers; uncommon words differ from block to block."""
    return f"{name['block']}_{name['code']}" if name["code"].startswith("UW") else name["code"]


def _words(folder: Path) -> dict[str, str]:
    """Every word by its key, from the label files or from a list saved as CSV."""
    words: dict[str, str] = {}
    for path in folder.rglob("*_word.mlf"):  # "*/M07_B3_CW88_M7.lab", then the word and a full stop, a line each
        for label, word in re.findall(r'"[^"\n]*?([^/"\n]+)\.lab"\s*\n\s*(\S+)', text_of(path)):
            name = NAME.fullmatch(label)
            if name:
                words[_key(name)] = word
    for path in folder.rglob("speaker_wordlist.csv"):
        words |= {record.get("FILE NAME", ""): record.get("WORD", "") for record in records(path)}
    if not words:
        raise CorpusError(
            f"{folder} says nowhere which words were spoken: neither mlf/SPEAKER/SPEAKER_word.mlf nor "
            "speaker_wordlist.csv is there; please save the sheet Word_filename of speaker_wordlist.xls as that CSV."
        )
    return words


CORPUS = Corpus(
    name="uaspeech",
    title="UASpeech, English: single words of 15 speakers with dysarthria, 13 without",
    licence="UASpeech licence (academic)",
    consent="on request from the University of Illinois; its LICENSE.txt binds whoever has a copy",
    fields="reference, speaker, cohort, severity, domain; block and intelligibility as note",
    looked_for=("*_B[1-3]_*_M[2-8].wav",),
    read=read,
)
