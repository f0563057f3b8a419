"""FluencyBank, AphasiaBank and other banks of TalkBank: CHAT transcripts with times.

Layout: the CHAT manual (talkbank.org/manuals/CHAT.html); files end in .cha, media of the same name come beside them.
Which names of groups mean that somebody stutters, and ↫ and ≠ for stutters, are from general knowledge, not confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hyper.recordings.corpus import Corpus, Utterance, recordings_in, text_of

PARTICIPANTS = {"Participant", "Target_Child", "Target_Adult", "Patient"}  # roles; others ask and listen
COHORTS = {
    "td": "typical",  # beside the names that every list may have, `manifest.TYPICAL_NAMES`
    **dict.fromkeys(("aws", "cws", "pws", "stutter", "stuttering"), "stuttering"),
}
SPOKEN = re.compile(r"^\*(\w+):\s*(.*)$", re.M)
TIMES = re.compile(r"\x15(\d+)_(\d+)\x15")  # ms
TOKEN = re.compile(r"[<>]|\[[^]]*]|[^\s<>\[\]]+")
UNINTELLIGIBLE = re.compile(r"(?<![^\s<])(xxx|yyy|www)\b")  # alone, or first in a <group>
SESSION = re.compile(r"(?<=\d)([mf]?)[a-z]$")  # adler01a and adler01b, 24fa and 24fb are one person each


def read(folder: Path) -> Iterator[Utterance]:
    """Every utterance of the participants, as a piece of its recording."""
    media = {path.stem.lower(): path for path in recordings_in(folder)}
    for path in sorted(folder.rglob("*.cha")):
        transcript = re.sub(r"\n[ \t]+", " ", text_of(path).replace("\r\n", "\n"))
        people = _people(transcript)
        named = re.search(r'^@Media:\s*"?([^,"\n]+)', transcript, re.M)
        stem = (named[1].strip() if named else path.stem).lower()
        recording = media.get(stem, path.with_suffix(".wav"))
        for code, line in SPOKEN.findall(transcript):
            yield _utterance(folder, path, recording, line, code, people.get(code))


def _people(transcript: str) -> dict[str, list[str]]:
    """The fields of each speaker's @ID: language, corpus, code, age, sex, group, status, role, education, custom."""
    ids = [line.split("|") for line in re.findall(r"^@ID:\s*(.+)$", transcript, re.M)]
    return {fields[2]: fields for fields in ids if len(fields) > 7}


def _utterance(folder: Path, path: Path, recording: Path, line: str, code: str, person: list[str] | None) -> Utterance:
    if person is None or person[7] not in PARTICIPANTS:
        return Utterance(recording, left_out="of interviewers and other people")
    times = TIMES.findall(line)
    if not times:
        return Utterance(recording, left_out="without times")
    if UNINTELLIGIBLE.search(line):
        return Utterance(recording, left_out="not intelligible throughout")
    meant, said = both_texts(TIMES.sub(" ", line))
    group = person[5].strip().lower()
    session = path.relative_to(folder).with_suffix("")
    return Utterance(
        recording,
        reference=meant,
        verbatim=said,
        speaker="-".join([*session.parts[:-1], SESSION.sub(r"\1", session.name), code]),
        cohort=COHORTS.get(group, group),
        domain="open",
        age=person[3].split(";")[0],
        start=int(times[0][0]) / 1000,
        end=int(times[-1][1]) / 1000,
    )


def both_texts(line: str) -> tuple[str, str]:
    """What was meant, and every sound that was said, of a main line without its times."""
    words: list[tuple[str, str]] = []  # (meant, said)
    groups: list[int] = []  # where each open < begins
    scope = 0  # where what the next code speaks of begins: the last word, or the last <group>
    for token in TOKEN.findall(re.sub(r"(?<!\S)\+\S+", " ", line)):  # without +... and other ends and links
        if token == "<":
            groups.append(len(words))
        elif token == ">":
            scope = groups.pop() if groups else scope
        elif token.startswith("["):
            words[scope:] = _with_code(words[scope:], token[1:-1].strip())
        elif any(word := _word(token)):
            scope = len(words)
            words.append(word)
    meant, said = (" ".join(" ".join(texts).split()) for texts in zip(*words, strict=True)) if words else ("", "")
    return meant, said


def _with_code(words: list[tuple[str, str]], code: str) -> list[tuple[str, str]]:
    """The words that a code in square brackets speaks of, as it has them."""
    if re.fullmatch(r"/{1,3}|/[-?]", code):  # said again or differently: these were not meant
        return [("", said) for _, said in words]
    if code.startswith(":") and words:  # the word that was meant
        target = code.lstrip(":").strip()
        return [(target if i == 0 else "", said) for i, (_, said) in enumerate(words)]
    if repeated := re.fullmatch(r"x (\d+)", code):
        return words + [("", said) for _, said in words] * (int(repeated[1]) - 1)
    return words


def _word(token: str) -> tuple[str, str]:
    """(meant, said) of one token; both are "" where it is no word."""
    if re.match(r"&[=*{}]|0[^\W\d]|\(\.+\)|\([\d.:]+\)", token):  # events, other people, omitted words, pauses
        return "", ""
    if token.startswith("&"):  # fillers, fragments and nonwords
        return "", _plain(token.lstrip("&-+~"))
    token = token.split("@")[0].replace("_", " ")  # @ marks what kind of word it is
    meant = re.sub(r"↫[^↫]*↫", "", token)
    said = re.sub(r"↫([^↫]*)↫", lambda again: again[1].replace("-", " ") + " ", token)
    return _plain(meant), _plain(re.sub(r"\([^)]*\)", "", said))  # (be)cause was said as cause


def _plain(text: str) -> str:
    """Letters, digits, apostrophes and hyphens: no marks of length, stress and blocks."""
    text = re.sub(r"[^\w\s'’-]", "", text)
    return text if any(letter.isalnum() for letter in text) else ""


CORPUS = Corpus(
    name="talkbank",
    title="FluencyBank, AphasiaBank and other TalkBank banks: CHAT transcripts (.cha)",
    licence="TalkBank ground rules",
    consent="registration with TalkBank, for some banks approval; the ground rules bind whoever has a copy",
    fields="reference, verbatim, speaker, cohort, age; pieces by times",
    looked_for=("*.cha",),
    read=read,
)
