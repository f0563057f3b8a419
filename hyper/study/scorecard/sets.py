"""The held-out sets: test speech made once and reused, recordings of real people, sounds without speech."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hyper.metrics.intervals import MIN_SPEAKERS
from hyper.recordings.manifest import ManifestRow, is_typical, read_manifest
from hyper.simulate.ways import PHONES
from hyper.study.provenance import claim

if TYPE_CHECKING:
    from hyper.speech.make import SpeechSet

PEOPLE = "people"
NO_SPEECH = "no-speech"
FAR_OFF = "far-off"
PEOPLE_BY_WAYS = (  # name, ways, title
    ("atypical-people", "train", "simulated atypical speech of real people"),
    ("held-out-people", "held-out", "simulated atypical speech of real people by simulators not trained on"),
)
SIMULATED_PEOPLE_SEED = 20
N_OF_EACH_PERSON = 2  # recordings: a few people said most of them
NO_SPEECH_SEED = 30
N_NO_SPEECH = 100  # recordings
FAR_OFF_SEED = 40
N_FAR_OFF = 100  # recordings: the first of typical commands by new speakers


def at_share(name: str, share: float) -> str:
    """The folder of a set of which only a share is made: one of its own, so that a trial stays apart."""
    return name if share == 1 else f"{name}-{share:g}"


@dataclass(frozen=True)
class TestSet:
    """One held-out set of synthetic speakers: typical as they are, or turned into simulated patients."""

    name: str
    title: str  # for the table
    population: str  # known: new speakers of voices that training uses; unheard: voices it never heard
    domain: str
    n_utterances: int
    n_speakers: int
    simulated: bool
    seed: int  # its last digit and the population decide the speakers: no two sets share both
    cohort: str = ""  # the only one, which training never simulates; "" is all that it does
    ways: str = PHONES  # how the disorders are made: held-out are those that no training hears
    spoken: str = ""  # the set whose typical recordings it shares; "" is its own
    share: float = 1.0  # of the recordings and speakers: below 1 only to try the commands out

    def smaller(self, share: float) -> TestSet:
        """The same set with fewer speakers, but enough for an interval; made and kept in a folder of its own."""
        n_speakers = max(MIN_SPEAKERS, round(share * self.n_speakers)) if share < 1 else self.n_speakers
        each = self.n_utterances // self.n_speakers
        return replace(self, n_speakers=n_speakers, n_utterances=each * n_speakers, share=share)

    @property
    def folder(self) -> str:
        """Where it is kept below the folder of all sets."""
        return at_share(self.name, self.share)

    @property
    def spoken_folder(self) -> str:
        """Where the typical recordings are that it is made of."""
        return f"{at_share(self.spoken or self.name, self.share)}-spoken"


@dataclass(frozen=True)
class HeldOutSet:
    """What is scored under one name."""

    name: str
    title: str
    rows: Sequence[ManifestRow]


# Speakers and sentences of split "test" are in no training set; each set draws its own by its seed.
_TITLES = {"known": "new speakers", "unheard": "voices never heard"}


def _test_set(kind: str, domain: str, population: str, n_utterances: int, n_speakers: int, seed: int) -> TestSet:
    """`kind` is typical, atypical, or a disorder that training never simulates, whose sets are of commands."""
    words = {"command": "commands", "open": "open sentences"}[domain]
    name = f"{kind}-{words.split()[0]}-{population}"
    title = f"simulated {kind} {words}" if kind == "atypical" else f"{kind} {words}"
    cohort = "" if kind in ("typical", "atypical") else kind
    if cohort:
        name = f"ood-{cohort}" if population == "known" else f"ood-{cohort}-{population}"
        title = f"simulated {cohort}, a disorder not trained on, {words}"
    title = f"{title}, {_TITLES[population]}"
    return TestSet(name, title, population, domain, n_utterances, n_speakers, kind != "typical", seed, cohort)


def _by_other_ways(population: str) -> TestSet:
    """The patients and sentences of the main set, by signal processing that no training hears."""
    main = next(each for each in _OWN_WAYS if each.name == f"atypical-commands-{population}")
    title = f"simulated atypical commands by simulators not trained on, {_TITLES[population]}"
    return replace(main, name=f"held-out-commands-{population}", title=title, ways="held-out", spoken=main.name)


# Simulated sets: ten utterances a patient, as many patients in each cell of cohort and severity.
_OWN_WAYS = (
    _test_set("typical", "command", "known", 600, 60, 0),
    _test_set("typical", "command", "unheard", 600, 60, 1),
    _test_set("typical", "open", "known", 400, 40, 2),
    _test_set("typical", "open", "unheard", 400, 40, 3),
    _test_set("atypical", "command", "known", 1080, 108, 4),
    _test_set("atypical", "command", "unheard", 540, 54, 5),
    _test_set("atypical", "open", "known", 540, 54, 6),
    _test_set("atypical", "open", "unheard", 360, 36, 7),
    _test_set("mixed", "command", "known", 540, 54, 8),
    _test_set("dysphonia", "command", "known", 540, 54, 9),
    _test_set("mixed", "command", "unheard", 270, 27, 18),
    _test_set("dysphonia", "command", "unheard", 270, 27, 19),
)
TEST_SETS = (*_OWN_WAYS, _by_other_ways("known"), _by_other_ways("unheard"))


@dataclass(frozen=True)
class SetOptions:
    """Which held-out sets are wanted, and how they are made."""

    work: Path  # folder of the test speech
    workers: int
    sentences: Path | None = None  # open sentences; without them there are no such sets
    people: Path | None = None  # manifest of real recordings, as they are and simulated
    test_share: float = 1.0


def held_out_sets(options: SetOptions) -> list[HeldOutSet]:
    """Every set that is wanted, the cheap ones to fail first; test speech that is missing is made."""
    work = options.work
    people = [replace(row, domain=PEOPLE) for row in read_manifest(options.people)] if options.people else []
    simulated = _simulated_people(people, options)
    sets = []
    for each in (each for each in TEST_SETS if each.domain != "open" or options.sentences):
        rows = make_test_set(each.smaller(options.test_share), work, options.sentences, options.workers)
        sets.append(HeldOutSet(each.name, each.title, rows))
    if people:
        sets.append(HeldOutSet(PEOPLE, "real people, as they are", people))
    sets += simulated
    near = next(each.rows for each in sets if each.name == "typical-commands-known")
    title = "typical commands, new speakers, simulated far off: quiet and reverberant"
    sets.append(HeldOutSet(FAR_OFF, title, make_distant(near, work / at_share(FAR_OFF, options.test_share))))
    return [*sets, HeldOutSet(NO_SPEECH, "synthetic sounds without speech", make_sounds(work))]


def make_test_set(test_set: TestSet, work: Path, sentences: Path | None, n_workers: int) -> list[ManifestRow]:
    """Speak the set, simulate it if it is atypical; what is already in `work` is reused.

    Errors: StudyError where that was made otherwise, of other sentences for instance.
    """
    from hyper.simulate import COHORTS
    from hyper.speech.make import make_speech
    from hyper.speech.simulate_manifest import simulate_manifest
    from hyper.speech.texts import read_open_sentences

    spoken, simulated = work / test_set.spoken_folder, work / test_set.folder
    folder = simulated if test_set.simulated else spoken
    claim(folder, _made_with(test_set, sentences))
    if not (folder / "manifest.csv").exists():
        open_sentences = read_open_sentences(sentences) if sentences else []
        is_spoken = (spoken / "manifest.csv").exists()  # for another set
        rows = (
            read_manifest(spoken / "manifest.csv")
            if is_spoken
            else make_speech(speech_set(test_set), spoken, open_sentences, n_workers)
        )
        if test_set.simulated:
            cohorts = (test_set.cohort,) if test_set.cohort else COHORTS
            simulate_manifest(
                rows, simulated, cohorts=cohorts, seed=test_set.seed, n_workers=n_workers, ways=test_set.ways
            )
    return read_manifest(folder / "manifest.csv")


def _made_with(test_set: TestSet, sentences: Path | None) -> dict[str, str | int]:
    """What decides its recordings; the sentences by their sum."""
    is_open = test_set.domain == "open" and sentences is not None
    return {
        "utterances": test_set.n_utterances,
        "speakers": test_set.n_speakers,
        "seed": test_set.seed,
        "ways": test_set.ways,
        "sentences": f"{zlib.crc32(sentences.read_bytes()):08x}" if is_open and sentences else "own",
    }


def speech_set(test_set: TestSet) -> SpeechSet:
    """What `make_speech` is asked for."""
    from hyper.speech.make import SpeechSet

    return SpeechSet(
        split="test",
        population=test_set.population,
        n_speakers=test_set.n_speakers,
        n_utterances=test_set.n_utterances,
        domains=((test_set.domain, 1.0),),
        seed=test_set.seed,
    )


def _simulated_people(people: Sequence[ManifestRow], options: SetOptions) -> list[HeldOutSet]:
    """Typical speech of people, if there is any, by the ways of training and by others."""
    chosen = _of_each(people)
    if options.people is None or not chosen:
        return []
    mark = f"{zlib.crc32(options.people.read_bytes()):08x}"  # another manifest is another set
    sets = []
    for name, ways, title in PEOPLE_BY_WAYS:
        folder = options.work / f"{name}-{mark}"
        sets.append(HeldOutSet(name, title, simulate_people(chosen, ways, folder, options.workers)))
    return sets


def simulate_people(rows: Sequence[ManifestRow], ways: str, folder: Path, n_workers: int) -> list[ManifestRow]:
    """Typical speech of people, each of whom becomes one simulated patient: the same by all ways.

    Errors: SimulationError where none can be simulated.
    """
    from hyper.simulate import COHORTS
    from hyper.speech.simulate_manifest import simulate_manifest

    if not (folder / "manifest.csv").exists():
        simulate_manifest(rows, folder, cohorts=COHORTS, seed=SIMULATED_PEOPLE_SEED, n_workers=n_workers, ways=ways)
    return read_manifest(folder / "manifest.csv")


def _of_each(people: Sequence[ManifestRow]) -> list[ManifestRow]:
    """A seeded choice of so many recordings of each person; none where nobody knows who speaks, or what was meant."""
    own: dict[str, list[int]] = {}
    for i in np.random.default_rng(SIMULATED_PEOPLE_SEED).permutation(len(people)):
        row = people[i]
        if row.speaker and row.reference and is_typical(row):
            own.setdefault(row.speaker, []).append(int(i))
    return [people[i] for i in sorted(i for chosen in own.values() for i in chosen[:N_OF_EACH_PERSON])]


def make_sounds(work: Path) -> list[ManifestRow]:
    """Sounds in which nobody speaks, so without a reference."""
    from hyper.speech.no_speech import make_no_speech

    if not (work / NO_SPEECH / "manifest.csv").exists():
        make_no_speech(work / NO_SPEECH, N_NO_SPEECH, NO_SPEECH_SEED)
    return read_manifest(work / NO_SPEECH / "manifest.csv")


def make_distant(near: Sequence[ManifestRow], folder: Path) -> list[ManifestRow]:
    """Some of these recordings as they are heard from the other end of a room."""
    from hyper.speech.far_off import make_far_off

    if not (folder / "manifest.csv").exists():
        make_far_off(near[:N_FAR_OFF], folder, FAR_OFF_SEED)
    return read_manifest(folder / "manifest.csv")
