"""TORGO: words and sentences of people with cerebral palsy or ALS, and of others of their age.

Layout: `prepare_torgo.py` and import scripts of public repositories agree on SPEAKER/Session*/prompts/NNNN.txt beside
wav_headMic/ and wav_arrayMic/. A speaker's class is the one that most papers use; sources differ on F01, F03 and M05.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, text_of

SEVERITIES = {
    **dict.fromkeys(("F01", "M01", "M02", "M04"), "severe"),
    **dict.fromkeys(("F03", "M05"), "moderate"),
    **dict.fromkeys(("F04", "M03"), "mild"),
}
MICROPHONES = ("wav_headMic", "wav_arrayMic")  # the nearer one first; a session may lack either


def read(folder: Path) -> Iterator[Utterance]:
    """One recording of each prompt that has words."""
    for prompt in sorted(folder.rglob("Session*/prompts/*.txt")):
        session = prompt.parents[1]
        paths = [session / microphone / f"{prompt.stem}.wav" for microphone in MICROPHONES]
        path = next((path for path in paths if path.is_file()), paths[0])
        text = text_of(prompt).strip()
        words = " ".join(re.sub(r"\[[^]]*]", " ", text).split())  # "[as in tear up that paper]", "[say ah]"
        if "xxx" in text or ".jpg" in text or not words:
            yield Utterance(path, left_out="whose prompt has no words (movements, sounds, pictures)")
            continue
        speaker = session.parent.name
        yield Utterance(
            path,
            reference=words,
            speaker=speaker,
            cohort="typical" if speaker[1:2] == "C" else "dysarthria",
            severity=SEVERITIES.get(speaker, ""),
            domain="open" if " " in words else "word",
        )


CORPUS = Corpus(
    name="torgo",
    title="TORGO, English: 8 speakers with dysarthria, 7 without",
    licence="TORGO terms of use",
    consent="downloaded from the University of Toronto; read its terms, and keep the recordings to research",
    fields="reference, speaker, cohort, severity, domain",
    looked_for=("Session*/prompts/*.txt",),
    read=read,
)
