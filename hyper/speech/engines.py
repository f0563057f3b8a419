"""The synthesisers, each behind one call that gives a waveform and its phones: espeak-ng, flite, festival."""

from __future__ import annotations

import ctypes as c
import functools
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyper.recordings.audio import load_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.simulate.phones import Phone
from hyper.speech.phone_set import SILENCE, from_espeak, from_radio


class SynthesisError(ValueError):
    """A synthesiser is missing or refused; the message says which Debian package carries it."""


@dataclass(frozen=True)
class Spoken:
    """What a synthesiser said: mono samples at its own rate, and the phones with their times."""

    samples: np.ndarray  # (n_samples,) float32 in [-1, 1]
    sample_rate: int  # Hz
    phones: tuple[Phone, ...]


def _library(name: str, package: str) -> c.CDLL:
    try:
        return c.CDLL(name, mode=c.RTLD_GLOBAL)
    except OSError as error:
        raise SynthesisError(
            f"{name} was not found; install Debian's package {package} to synthesise speech."
        ) from error


def _close_phones(starts: list[tuple[float, str, int]], seconds: float) -> tuple[Phone, ...]:
    """Phones from start times: each ends where the next begins, the last at the end of the sound."""
    ends = [start for start, _, _ in starts[1:]] + [seconds]
    return tuple(
        Phone(symbol, start, end, -1 if symbol == SILENCE else word)
        for (start, symbol, word), end in zip(starts, ends, strict=True)
        if end > start
    )


# --- espeak-ng: speak_lib.h of espeak-ng 1.51 -------------------------------------------------------------------------


class _EventId(c.Union):
    _fields_ = [("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8)]


class _EspeakEvent(c.Structure):
    _fields_ = [
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),  # 1-based, in characters
        ("length", c.c_int),
        ("audio_ms", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    ]


_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8 = 2, 1, 1
_WORD, _PHONEME, _LIST_TERMINATED = 1, 7, 0
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER


class Espeak:
    """espeak-ng's library in this process; one instance a process, since the library is a global itself."""

    def __init__(self) -> None:
        self._library = _library("libespeak-ng.so.1", "libespeak-ng1")
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if self.sample_rate <= 0:
            raise SynthesisError("espeak-ng did not start; install Debian's package espeak-ng-data.")
        callback_type = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_EspeakEvent))
        self._callback = callback_type(self._collect)  # kept: the library holds only the address
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks: list[np.ndarray] = []
        self._events: list[tuple[int, int, float, str]] = []

    def _collect(self, samples: Any, n_samples: int, events: Any) -> int:
        if samples and n_samples > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        i = 0
        while events[i].type != _LIST_TERMINATED:
            event = events[i]
            name = event.id.string.decode() if event.type == _PHONEME else ""
            self._events.append((event.type, event.text_position, event.sample / self.sample_rate, name))
            i += 1
        return 0

    def speak(self, text: str, voice: str, rate: int = 160, pitch: int = 50, pitch_range: int = 50) -> Spoken:
        """`rate` in words a minute; `pitch` and `pitch_range` are espeak's own 0 to 100 scales."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesisError(f"espeak-ng has no voice {voice!r}.")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks, self._events = [], []
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._chunks).astype(np.float32) / 32768
        return Spoken(samples, self.sample_rate, self._phones(text, len(samples) / self.sample_rate))

    def _phones(self, text: str, seconds: float) -> tuple[Phone, ...]:
        word_of_character = np.cumsum([character == " " for character in text])
        starts: list[tuple[float, str, int]] = [(0.0, SILENCE, -1)]
        word = 0
        for kind, position, start, name in self._events:
            if kind == _WORD:
                word = int(word_of_character[min(position - 1, len(text) - 1)])
            elif kind == _PHONEME:
                starts.append((start, from_espeak(name), word))
        return _close_phones(starts, seconds)


# --- flite: cst_utterance.h and cst_voice.h of flite 2.2 --------------------------------------------------------------


class _FliteWave(c.Structure):
    _fields_ = [
        ("type", c.c_char_p),
        ("sample_rate", c.c_int),
        ("num_samples", c.c_int),
        ("num_channels", c.c_int),
        ("samples", c.POINTER(c.c_short)),
    ]


class Flite:
    """flite's library in this process, with the voices that Debian builds into it."""

    def __init__(self) -> None:
        self._library = _library("libflite.so.1", "libflite1")
        for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            _library(name, "libflite1")
        for name in ("flite_synth_text", "utt_relation", "relation_head", "item_next", "path_to_item"):
            getattr(self._library, name).restype = c.c_void_p
        self._library.utt_wave.restype = c.POINTER(_FliteWave)
        self._library.item_feat_float.restype = c.c_float
        self._library.item_feat_string.restype = c.c_char_p
        self._library.flite_init()

    @functools.lru_cache(maxsize=8)  # noqa: B019 - one instance lives as long as its process
    def _voice(self, name: str) -> c.c_void_p:
        register = getattr(_library(f"libflite_cmu_us_{name}.so.1", "libflite1"), f"register_cmu_us_{name}")
        register.restype = c.c_void_p
        return c.c_void_p(register(None))

    def speak(self, text: str, voice: str, stretch: float = 1.0, f0: float | None = None) -> Spoken:
        """`stretch` multiplies durations; `f0` is the mean pitch in Hz (None: the voice's own)."""
        handle = self._voice(voice)
        features = c.c_void_p(c.cast(handle, c.POINTER(c.c_void_p))[1])  # cst_voice: name, features, ...
        self._library.feat_set_float(features, b"duration_stretch", c.c_float(stretch))
        if f0 is not None:
            self._library.feat_set_float(features, b"int_f0_target_mean", c.c_float(f0))
        utterance = c.c_void_p(self._library.flite_synth_text(text.encode(), handle))
        try:
            wave = self._library.utt_wave(utterance).contents
            samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32) / 32768
            return Spoken(samples, wave.sample_rate, self._phones(utterance))
        finally:
            self._library.delete_utterance(utterance)

    def _phones(self, utterance: c.c_void_p) -> tuple[Phone, ...]:
        item = self._library.relation_head(c.c_void_p(self._library.utt_relation(utterance, b"Segment")))
        phones: list[Phone] = []
        previous, tokens = 0.0, dict[int, int]()
        while item:
            segment = c.c_void_p(item)
            end = self._library.item_feat_float(segment, b"end")
            token = self._library.path_to_item(segment, b"R:SylStructure.parent.parent.R:Token.parent")
            symbol = from_radio(self._library.item_feat_string(segment, b"name").decode())
            word = tokens.setdefault(token, len(tokens)) if token and symbol != SILENCE else -1
            if end > previous:
                phones.append(Phone(symbol, previous, end, word))
            previous = max(end, previous)
            item = self._library.item_next(segment)
        return tuple(phones)


# --- festival: one process for many sentences, since it starts slowly -------------------------------------------------

_FESTIVAL = """
(define (say text wave labels)
  (let ((utt (utt.synth (eval (list 'Utterance 'Text text)))) (out (fopen labels "w")))
    (utt.save.wave utt wave 'riff)
    (mapcar (lambda (seg)
      (format out "%s %f %s\\n" (item.name seg) (item.feat seg "end")
        (item.feat seg "R:SylStructure.parent.parent.R:Token.parent.id")))
      (utt.relation.items utt 'Segment))
    (fclose out)))
"""


def festival_speak(texts: Sequence[str], voice: str, stretch: Sequence[float]) -> list[Spoken]:
    """Speak every text with one festival voice; `stretch` multiplies the durations of each."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [_FESTIVAL, f"(voice_{voice})"]
        for i, (text, factor) in enumerate(zip(texts, stretch, strict=True)):
            lines.append(f"(Parameter.set 'Duration_Stretch {factor:.3f})")
            lines.append(f'(say "{text}" "{folder}/{i}.wav" "{folder}/{i}.lab")')
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines))
        try:
            run = subprocess.run(["festival", "--batch", str(script)], capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise SynthesisError(
                "festival was not found; install Debian's packages festival, festvox-us-slt-hts and festvox-kdlpc16k."
            ) from error
        if run.returncode != 0 or not (Path(folder) / f"{len(texts) - 1}.lab").exists():
            raise SynthesisError(f"festival did not speak with voice {voice!r}: {run.stderr.strip()[-200:]}")
        return [_read_festival(Path(folder) / str(i)) for i in range(len(texts))]


def _read_festival(stem: Path) -> Spoken:
    phones: list[Phone] = []
    previous, tokens = 0.0, dict[str, int]()
    for line in stem.with_suffix(".lab").read_text().splitlines():
        name, end, token = line.split()
        symbol = from_radio(name)
        word = tokens.setdefault(token, len(tokens)) if symbol != SILENCE else -1
        phones.append(Phone(symbol, previous, float(end), word))
        previous = float(end)
    return Spoken(load_audio(stem.with_suffix(".wav")), SAMPLE_RATE, tuple(phones))
