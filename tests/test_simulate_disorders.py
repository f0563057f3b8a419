"""The disorders' registry: a new disorder is one new file, and it changes nobody who was there before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy_voice import talk

from hyper.recordings.audio import load_audio, save_audio
from hyper.recordings.manifest import read_manifest
from hyper.simulate import ALL_COHORTS, COHORTS, SEVERITIES, draw_profile, format_phones
from hyper.simulate.disorders import DISORDERS

PACKAGE = Path(__file__).parent.parent / "hyper"
# Found first of all files, and loud enough to be told from the typical speech.
TOY_FILE = "a_toy.py"
TOY = '''\
"""A toy: everything backwards, and softer."""

from dataclasses import dataclass

from hyper.simulate.disorder import Disorder, Profile, Simulated


@dataclass(frozen=True)
class MirrorProfile(Profile):
    gain: float


def draw(severity, values, rng):
    return MirrorProfile(severity, **values)


def say(waveform, phones, profile, rng):
    return Simulated(profile.gain * waveform[::-1])


RANGES = {"gain": ((0.5, 0.5), (0.25, 0.25), (0.125, 0.125))}
DISORDER = Disorder(name="mirror", profile=MirrorProfile, ranges=RANGES, draw=draw, say=say)
'''


@pytest.fixture(scope="module")
def with_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the whole package, one file more in it, and a recording to simulate."""
    folder = tmp_path_factory.mktemp("toy")
    shutil.copytree(PACKAGE, folder / "hyper", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "hyper" / "simulate" / "disorders" / TOY_FILE).write_text(TOY)
    waveform, phones = talk()
    save_audio(folder / "a.wav", waveform)
    (folder / "typical.csv").write_text(f"file,reference,speaker,phones\na.wav,one two,s,{format_phones(phones)}\n")
    return folder


def python(folder: Path, *arguments: str) -> str:
    """What Python prints there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_new_file_is_a_new_cohort_and_the_others_stay_who_they_were(with_toy: Path):
    code = "from hyper.simulate import *; print(COHORTS); print([draw_profile(c, 'mild', 5) for c in ALL_COHORTS])"
    cohorts, profiles = python(with_toy, "-c", code).splitlines()
    assert cohorts == str((*COHORTS, "mirror"))
    before = str([draw_profile(cohort, "mild", 5) for cohort in ALL_COHORTS])
    assert profiles == f"{before[:-1]}, MirrorProfile(severity='mild', gain=0.5)]"


def test_a_new_file_reaches_the_command_and_the_manifest(with_toy: Path):
    assert f"{', '.join(COHORTS)}, mirror (default: these)" in " ".join(
        python(with_toy, "-m", "hyper", "simulate", "--help").split()
    )
    arguments = ("typical.csv", "--out", "out", "--cohorts", "mirror", "--workers", "1")
    python(with_toy, "-m", "hyper", "simulate", *arguments)
    (row,) = read_manifest(with_toy / "out" / "manifest.csv")
    assert (row.cohort, row.severity, row.simulated, row.speaker) == ("mirror", "mild", True, "s-mirrmi0x0")
    typical = load_audio(with_toy / "a.wav")
    assert np.abs(load_audio(row.path) - 0.5 * typical[::-1]).max() < 2**-14  # 16 bits twice


def test_seeds_are_those_that_recordings_were_made_with():
    """By name or fixed, never by place: another seed would make other speakers of every patient."""
    seeds = {name: disorder.own_seed for name, disorder in DISORDERS.items()}
    assert seeds == {"stuttering": 0, "dysarthria": 1, "parkinsons": 2, "mixed": 3, "dysphonia": 4}


@pytest.mark.parametrize("disorder", DISORDERS.values(), ids=DISORDERS)
def test_each_range_has_a_place_for_every_severity(disorder):
    assert all(len(limits) == len(SEVERITIES) for limits in disorder.ranges.values())
    assert all(low <= high for limits in disorder.ranges.values() for low, high in limits)


def test_a_profile_s_class_tells_its_disorder():
    assert len({disorder.profile for disorder in DISORDERS.values()}) == len(DISORDERS)
    for name, disorder in DISORDERS.items():
        assert type(draw_profile(name, "mild", 0)) is disorder.profile
