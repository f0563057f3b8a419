"""Synthesise a set of utterances and write it as WAV files with a manifest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyper.recordings.audio import save_audio
from hyper.recordings.limits import SAMPLE_RATE
from hyper.recordings.manifest import SYNTHETIC, ManifestRow, write_manifest
from hyper.recordings.parallel import parallel
from hyper.recordings.resampling import resample
from hyper.simulate.phones import Phone, format_phones
from hyper.speech.engines import Espeak, Flite, Spoken, festival_speak
from hyper.speech.speakers import Speaker, draw_speaker
from hyper.speech.texts import sentences

MARGIN_SECONDS = 0.1  # silence left around the speech
ESPEAK_WORDS_PER_MINUTE = 165  # espeak's default is 175; a little slower sounds more like a person giving a command
LICENCE = "CC0-1.0"
MAX_SPEAKERS = 10_000  # of one seed; the next seed's follow
BATCH = 500  # utterances that one process speaks


class SpeechError(ValueError):
    """Such speech is not made; the message says what is asked too much."""


@dataclass(frozen=True)
class SpeechSet:
    """Which speech to make."""

    split: str  # train, validation or test: decides the texts
    population: str  # known or unheard: decides the voices
    n_speakers: int
    n_utterances: int
    domains: tuple[tuple[str, float], ...]  # (domain, share)
    seed: int


@dataclass(frozen=True)
class Job:
    """One utterance to speak."""

    file: str
    text: str
    domain: str
    speaker: Speaker


def plan(speech_set: SpeechSet, open_sentences: list[str]) -> list[Job]:
    """Who says what: the same set and seed give the same plan. No test text or speaker seed is in training's plan.

    Errors: SpeechError for more speakers than a seed has.
    """
    if speech_set.n_speakers > MAX_SPEAKERS:
        raise SpeechError(
            f"{speech_set.n_speakers:,} speakers were asked for, but a seed has {MAX_SPEAKERS:,}, and the next are in "
            "other sets; make several sets of different seeds."
        )
    rng = np.random.default_rng([speech_set.seed, ("train", "validation", "test").index(speech_set.split)])
    # Speakers of a split are its own.
    first = 10 * MAX_SPEAKERS * ("train", "validation", "test").index(speech_set.split)
    first += MAX_SPEAKERS * (speech_set.seed % 10)
    speakers = [draw_speaker(speech_set.population, first + i) for i in range(speech_set.n_speakers)]
    streams = {
        domain: sentences(domain, speech_set.split, rng, open_sentences)
        for domain, share in speech_set.domains
        if share
    }
    shares = np.array([share for domain, share in speech_set.domains if share])
    drawn = rng.choice(list(streams), size=speech_set.n_utterances, p=shares / shares.sum())
    return [
        Job(f"{i // 1000:03d}/{i:06d}.wav", next(streams[str(domain)]), str(domain), speakers[i % len(speakers)])
        for i, domain in enumerate(drawn)
    ]


def finish(spoken: Spoken, speaker: Speaker) -> tuple[np.ndarray, tuple[Phone, ...]]:
    """Warp the vocal tract by resampling, bring to 16 kHz, cut the silence around; phone times follow."""
    samples = resample(spoken.samples, spoken.sample_rate * speaker.warp, SAMPLE_RATE)
    phones = [Phone(p.symbol, p.start / speaker.warp, p.end / speaker.warp, p.word) for p in spoken.phones]
    voiced = [p for p in phones if p.word >= 0]
    start = max(0.0, voiced[0].start - MARGIN_SECONDS)
    end = min(len(samples) / SAMPLE_RATE, voiced[-1].end + MARGIN_SECONDS)
    samples = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    cut = [
        Phone(p.symbol, max(p.start, start) - start, min(p.end, end) - start, p.word)
        for p in phones
        if p.end > start and p.start < end
    ]
    peak = np.abs(samples).max()
    return (samples * (0.5 / peak)).astype(np.float32), tuple(cut)


class _Voices:
    """The engines of one worker process, started when first needed."""

    def __init__(self) -> None:
        self._engines: dict[str, Espeak | Flite] = {}

    def speak(self, job: Job) -> Spoken:
        speaker = job.speaker
        if speaker.engine not in self._engines:
            self._engines[speaker.engine] = Espeak() if speaker.engine == "espeak" else Flite()
        engine = self._engines[speaker.engine]
        if isinstance(engine, Espeak):
            rate = round(ESPEAK_WORDS_PER_MINUTE * speaker.rate)
            return engine.speak(job.text, speaker.voice, rate, round(speaker.pitch), round(speaker.pitch_range))
        return engine.speak(job.text, speaker.voice, 1 / speaker.rate, speaker.pitch)


def _synthesise(task: tuple[Path, Sequence[Job]]) -> list[ManifestRow]:
    """One worker's share: jobs spoken, written, described."""
    out, jobs = task
    return [_write(out, job, spoken) for job, spoken in speak(jobs)]


def speak(jobs: Sequence[Job]) -> Iterator[tuple[Job, Spoken]]:
    """Each job with its speech; festival's come last, voice by voice, since it starts once for each."""
    voices = _Voices()
    for job in jobs:
        if job.speaker.engine != "festival":
            yield job, voices.speak(job)
    festival = sorted((job for job in jobs if job.speaker.engine == "festival"), key=lambda job: job.speaker.voice)
    for voice, group in itertools.groupby(festival, key=lambda job: job.speaker.voice):
        together = list(group)
        stretches = [1 / job.speaker.rate for job in together]
        spoken = festival_speak([job.text for job in together], voice, stretches)
        yield from zip(together, spoken, strict=True)


def _write(out: Path, job: Job, spoken: Spoken) -> ManifestRow:
    waveform, phones = finish(spoken, job.speaker)
    save_audio(out / job.file, waveform)
    return ManifestRow(
        file=job.file,
        path=out / job.file,
        reference=job.text,
        speaker=job.speaker.name,
        cohort="typical",
        severity="",
        simulated=False,
        voice=job.speaker.voice_name,
        domain=job.domain,
        corpus=SYNTHETIC,
        licence=LICENCE,
        phones=format_phones(phones),
    )


def make_speech(speech_set: SpeechSet, out: Path, open_sentences: list[str], n_workers: int) -> list[ManifestRow]:
    """Speak the whole set into `out`, with `manifest.csv` beside the folders; workers are processes.

    The same set gives the same bytes with any number of workers. The libraries' flutter and noise go on from what they
    spoke before, so each batch has a process of its own, and batches do not depend on the workers.
    """
    jobs = plan(speech_set, open_sentences)
    for folder in {(out / job.file).parent for job in jobs}:
        folder.mkdir(parents=True, exist_ok=True)
    tasks = [(out, jobs[i : i + BATCH]) for i in range(0, len(jobs), BATCH)]
    rows = [row for chunk in parallel(_synthesise, tasks, n_workers, "synthesising", afresh=True) for row in chunk]
    rows.sort(key=lambda row: row.file)
    write_manifest(out / "manifest.csv", rows)
    return rows
