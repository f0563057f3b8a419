"""Who speaks: synthetic speakers drawn from voices that are held apart for training and for testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Accents and timbres of espeak-ng; robots, whisperers and novelties are left out.
_ACCENTS = "en-us en en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-gb-x-gbcwmd en-029 en-us-nyc".split()
_KNOWN_VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Lee Marco Mario Michael Mike adam "
    "anika announcer antonio aunty belinda benjamin boris caleb david ed edward f1 f2 f4 gustave iven "
    "iven2 john kaukovalta klatt klatt2 klatt4 linda m1 m2 m3 m5 m6 m7 max michel miguel norbert pablo "
    "paul pedro quincy rob robert sandro shelby steph steph2 travis"
).split()
_HELD_OUT_VARIANTS = "Gene2 Jacky Nguyen Tweaky f3 f5 grandma iven4 klatt3 m4 m8 marcelo victor zac".split()
# flite's slt and festival's slt are one person, so slt is in no training set at all.
_KNOWN_FLITE = ("awb", "rms", "kal16", "kal")
_FLITE_F0 = {"awb": 130.0, "rms": 95.0, "kal16": 105.0, "kal": 105.0, "slt": 175.0}  # Hz, near each voice's own

POPULATIONS = ("known", "unheard")


@dataclass(frozen=True)
class Speaker:
    """One synthetic speaker: a voice of an engine and the settings that stay theirs in every utterance."""

    name: str
    engine: str  # espeak, flite, festival
    voice: str
    rate: float  # multiplies the engine's own speaking rate
    pitch: float  # 0 to 100 (espeak) or Hz (flite); festival's voices keep their own
    pitch_range: float  # 0 to 100, espeak only
    warp: float  # vocal-tract length: above 1 is a shorter tract, formants and pitch higher

    @property
    def voice_name(self) -> str:
        """Engine and voice, without an espeak accent: what "never heard" is decided on."""
        return f"{self.engine}:{self.voice.split('+')[-1]}"


def draw_speaker(population: str, seed: int) -> Speaker:
    """A speaker of a known voice (those training uses) or of a voice that training never hears.

    Errors: ValueError for a population that does not exist.
    """
    if population not in POPULATIONS:
        raise ValueError(f"Speakers of population {population!r} were asked for, but there are {POPULATIONS}.")
    rng = np.random.default_rng([seed, POPULATIONS.index(population)])
    engine, voice = _draw_voice(population, rng)
    warp = rng.uniform(0.85, 1.18)  # about the spread of adult and child vocal tracts
    if engine == "festival":
        warp = rng.uniform(0.95, 1.05)
    return Speaker(
        name=f"{population}{seed:05d}",
        engine=engine,
        voice=voice,
        rate=float(rng.uniform(0.75, 1.3)),
        pitch=float(rng.uniform(15, 85) if engine == "espeak" else _FLITE_F0.get(voice, 0.0) * rng.uniform(0.8, 1.3)),
        pitch_range=float(rng.uniform(20, 80)),
        warp=float(warp),
    )


def _draw_voice(population: str, rng: np.random.Generator) -> tuple[str, str]:
    known = population == "known"
    if known:
        engine = rng.choice(["espeak", "flite"], p=[0.72, 0.28])
    else:
        engine = rng.choice(["espeak", "flite", "festival"], p=[0.4, 0.2, 0.4])
    if engine == "espeak":
        return "espeak", f"{rng.choice(_ACCENTS)}+{rng.choice(_KNOWN_VARIANTS if known else _HELD_OUT_VARIANTS)}"
    if engine == "flite":
        return "flite", str(rng.choice(_KNOWN_FLITE) if known else "slt")
    return "festival", str(rng.choice(["cmu_us_slt_arctic_hts", "ked_diphone"]))
