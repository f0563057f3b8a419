"""Who speaks: one frozen profile a speaker, in physical units, drawn within the ranges of a cohort's severity.

Severity follows what the literature describes, never a recogniser's error rate. The literature gives directions and
rough sizes; the exact limits in `_RANGES` are our own choice within them, and mild means nearly normal.

- Stuttering. Mild is commonly below 5 % of syllables stuttered; where moderate ends and severe begins differs between
  sources (10 to 20 %), and our 10 % is the low end. The SSI-4 (Riley 2009) has no such bands: it adds scores for the
  share of syllables, the three longest moments and physical concomitants. Kinds after Johnson (1961) and Wingate
  (1964). How many of each kind differs between speakers: a Dirichlet draw, our choice.
- Dysarthria (Darley, Aronson and Brown 1969): slow rate, imprecise consonants, hypernasality, breathy voice, monopitch,
  long or irregular intervals; severe speakers at about half the typical rate. The vowel space shrinks (Turner, Tjaden
  and Weismer 1995).
- Parkinson's, hypokinetic dysarthria (Logemann and others 1978; Fox and Ramig 1997): speech 2-4 dB softer as a group
  and more, by our choice, in severe speakers; fading within an utterance (seen in some tasks and speakers, not in all
  studies), small F0 range, hoarse and breathy voice, tremor of 4-7 Hz, weak consonants. Short rushes are classical,
  while the mean rate was found unchanged or lowered.

Two further cohorts are held out: no training may see them, so that tests on them tell of what was never heard, a
combination of known disorders and a disorder of another kind.

- Mixed: dysarthria or Parkinson's speech that is also stuttered, both of the asked severity.
- Dysphonia, after adductor spasmodic dysphonia. Voice breaks, aperiodic stretches and shifts of F0 are its marks
  (Sapienza, Walton and Murry 2000); breaks within words last some tens of milliseconds, and more than four in a
  sentence of twenty words speak for it (Roy and others 2008). Creak is two to four times as common as in typical
  voices; tremor comes with it in a quarter or so. Alternating periods give subharmonics (Titze 1995, voices of type
  2). Roughness, breathiness and strain are what listeners rate (GRBAS: Hirano 1981). Typical voices have a jitter
  near 0.5 % (1.04 % is a common limit), a shimmer near 0.2 dB and, on a sustained [a], an HNR near 20 dB by Praat's
  method, hoarse ones much less; other methods give other figures. How far each goes by severity is our own choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hyper.simulate.spectrum import SpectralChange

COHORTS = ("stuttering", "dysarthria", "parkinsons")
HELD_OUT_COHORTS = ("mixed", "dysphonia")  # for testing only: no training may see them
ALL_COHORTS = COHORTS + HELD_OUT_COHORTS  # a name's place seeds its profiles: add at the end alone
SEVERITIES = ("mild", "moderate", "severe")

STUTTER_KINDS = (
    "sound_repetition",
    "syllable_repetition",
    "word_repetition",
    "prolongation",
    "block",
    "tense_block",
    "interjection",
)
_KIND_SHARES = (0.22, 0.15, 0.12, 0.18, 0.13, 0.08, 0.12)  # means of the draw, in the order above; our own choice
_KIND_CONCENTRATION = 6.0  # low: speakers differ much


@dataclass(frozen=True)
class VoiceChange:
    """How the voice itself differs."""

    f0_range: float  # semitones that F0 strays from the speaker's mean, as a share of what they were; 0 is a monotone
    tremor_hz: float
    tremor_depth: float  # amplitude of the F0 tremor as a share of F0
    jitter: float  # mean change from period to period, as a share of the period
    shimmer_db: float  # mean change of level from period to period


@dataclass(frozen=True)
class StutteringProfile:
    severity: str
    share: float  # of syllables stuttered
    kind_shares: tuple[float, ...]  # in the order of STUTTER_KINDS, summing to 1
    extra_iterations: float  # mean number of times a sound, syllable or word is said too often
    moment_seconds: float  # median length of a prolongation or block
    cohort: str = "stuttering"


@dataclass(frozen=True)
class DysarthriaProfile:
    severity: str
    rate: float  # speech rate as a share of the typical one, pauses left out
    irregularity: float  # standard deviation of log syllable length
    pause_share: float  # of word ends followed by a pause
    pause_seconds: float  # mean length of such a pause
    voice: VoiceChange
    spectrum: SpectralChange
    cohort: str = "dysarthria"


@dataclass(frozen=True)
class ParkinsonsProfile:
    severity: str
    loudness_db: float  # loss of level
    fade_db: float  # further loss from the first to the last sound of an utterance
    room_snr_db: float  # typical speech over the noise of the room
    rush_speed: float  # rate within a rush, 1 is typical
    rush_share: float  # of the words spoken in a rush
    consonant_db: float  # loss of level of consonants against vowels
    voice: VoiceChange
    spectrum: SpectralChange
    cohort: str = "parkinsons"


@dataclass(frozen=True)
class MixedProfile:
    severity: str
    motor: DysarthriaProfile | ParkinsonsProfile
    stuttering: StutteringProfile
    cohort: str = "mixed"


@dataclass(frozen=True)
class DysphoniaProfile:
    severity: str
    hnr_db: float  # voice over breath noise wherever there is voice; jitter and shimmer lower what is measured
    breaks_per_second: float  # voice breaks in a second of voiced speech
    break_ms: float  # median length of a break
    strangled_share: float  # of the breaks, squeezed to near silence; in the others breath goes on without voice
    diplophonic_share: float  # of voiced time in which periods alternate
    alternate_db: float  # level of every second period below the others there
    alternate_period: float  # change of length from period to period there, as a share of the period
    creaky_share: float  # of voiced time at about half of F0
    voice: VoiceChange
    cohort: str = "dysphonia"


Profile = StutteringProfile | DysarthriaProfile | ParkinsonsProfile | MixedProfile | DysphoniaProfile

# (low, high) for mild, moderate, severe; a speaker's value is uniform in between.
_RANGES: dict[str, dict[str, tuple[tuple[float, float], ...]]] = {
    "stuttering": {
        "share": ((0.02, 0.05), (0.05, 0.10), (0.10, 0.25)),
        "extra_iterations": ((1.0, 1.5), (1.5, 2.5), (2.5, 4.0)),
        "moment_seconds": ((0.25, 0.45), (0.45, 0.9), (0.9, 1.8)),
    },
    "dysarthria": {
        "rate": ((0.83, 0.92), (0.67, 0.80), (0.50, 0.65)),
        "irregularity": ((0.03, 0.06), (0.08, 0.14), (0.15, 0.25)),
        "pause_share": ((0.03, 0.10), (0.15, 0.35), (0.4, 0.7)),
        "pause_seconds": ((0.08, 0.15), (0.15, 0.30), (0.25, 0.50)),
        "f0_range": ((0.70, 0.90), (0.40, 0.65), (0.15, 0.35)),
        "tremor_depth": ((0.0, 0.003), (0.003, 0.008), (0.005, 0.015)),
        "jitter": ((0.004, 0.008), (0.008, 0.015), (0.015, 0.03)),
        "shimmer_db": ((0.2, 0.4), (0.4, 0.7), (0.7, 1.2)),
        "blur_ms": ((8.0, 14.0), (18.0, 26.0), (30.0, 42.0)),
        "vowel_space": ((0.80, 0.95), (0.60, 0.75), (0.40, 0.55)),
        "nasal_db": ((2.0, 3.5), (4.0, 6.0), (6.5, 9.0)),
        "hnr_db": ((19.0, 23.0), (15.0, 18.0), (10.0, 14.0)),
        "tilt_db": ((0.2, 0.5), (0.5, 1.0), (1.0, 1.8)),
    },
    "parkinsons": {
        "loudness_db": ((2.0, 4.0), (4.0, 6.0), (6.0, 9.0)),
        "fade_db": ((1.0, 2.5), (2.5, 4.5), (4.5, 7.0)),
        "room_snr_db": ((31.0, 37.0), (31.0, 37.0), (31.0, 37.0)),
        "rush_speed": ((1.10, 1.20), (1.20, 1.38), (1.38, 1.60)),
        "rush_share": ((0.2, 0.4), (0.3, 0.6), (0.5, 0.8)),
        "consonant_db": ((1.0, 2.0), (2.0, 4.0), (4.0, 6.0)),
        "f0_range": ((0.70, 0.85), (0.40, 0.60), (0.15, 0.35)),
        "tremor_depth": ((0.0, 0.01), (0.01, 0.025), (0.02, 0.05)),
        "jitter": ((0.005, 0.010), (0.010, 0.018), (0.018, 0.03)),
        "shimmer_db": ((0.2, 0.5), (0.5, 0.9), (0.9, 1.4)),
        "blur_ms": ((4.0, 8.0), (10.0, 16.0), (18.0, 26.0)),
        "vowel_space": ((0.88, 0.98), (0.74, 0.86), (0.60, 0.72)),
        "nasal_db": ((0.0, 1.0), (0.0, 2.0), (1.0, 3.0)),
        "hnr_db": ((18.0, 22.0), (14.0, 17.0), (10.0, 13.0)),
        "tilt_db": ((0.2, 0.5), (0.5, 1.0), (1.0, 1.6)),
    },
    "dysphonia": {
        "hnr_db": ((11.0, 14.0), (6.0, 9.0), (1.0, 4.0)),
        "breaks_per_second": ((0.1, 0.4), (0.6, 1.2), (1.6, 2.6)),
        "break_ms": ((50.0, 70.0), (70.0, 100.0), (100.0, 140.0)),
        "strangled_share": ((0.4, 0.9), (0.4, 0.9), (0.4, 0.9)),
        "diplophonic_share": ((0.03, 0.08), (0.10, 0.18), (0.20, 0.30)),
        "alternate_db": ((1.5, 3.0), (3.0, 5.0), (5.0, 8.0)),
        "alternate_period": ((0.01, 0.03), (0.03, 0.06), (0.06, 0.10)),
        "creaky_share": ((0.03, 0.06), (0.08, 0.14), (0.15, 0.22)),
        "f0_range": ((0.80, 0.95), (0.60, 0.80), (0.40, 0.60)),
        "tremor_depth": ((0.0, 0.005), (0.0, 0.015), (0.0, 0.03)),
        "jitter": ((0.010, 0.018), (0.018, 0.035), (0.035, 0.06)),
        "shimmer_db": ((0.4, 0.8), (0.8, 1.3), (1.3, 2.0)),
    },
}
_TREMOR_HZ = (4.0, 7.0)
_MOTOR_COHORTS = ("dysarthria", "parkinsons")
# Seeds of the two speakers in a mixed one: far above any that a manifest gives its patients, so that neither speaker
# can have been in training.
_MIXED_SEEDS = (2**62, 2**63 - 1)


def draw_profile(cohort: str, severity: str, seed: int) -> Profile:
    """One speaker of a cohort and severity; the same seed gives the same speaker."""
    if cohort not in ALL_COHORTS:
        raise ValueError(f"Cohort {cohort!r} cannot be simulated; choose one of {', '.join(ALL_COHORTS)}.")
    if severity not in SEVERITIES:
        raise ValueError(f"Severity {severity!r} is not known; choose one of {', '.join(SEVERITIES)}.")
    rng = np.random.default_rng([ALL_COHORTS.index(cohort), SEVERITIES.index(severity), seed])
    if cohort == "mixed":
        motor = _MOTOR_COHORTS[int(rng.integers(len(_MOTOR_COHORTS)))]
        seeds = [int(seed) for seed in rng.integers(*_MIXED_SEEDS, size=2)]
        return MixedProfile(
            severity, draw_profile(motor, severity, seeds[0]), draw_profile("stuttering", severity, seeds[1])
        )
    ranges = _RANGES[cohort]
    value = {name: float(rng.uniform(*ranges[name][SEVERITIES.index(severity)])) for name in ranges}
    if cohort == "stuttering":
        shares = rng.dirichlet(np.array(_KIND_SHARES) * _KIND_CONCENTRATION)
        return StutteringProfile(severity, kind_shares=tuple(float(share) for share in shares), **value)
    value["tremor_hz"] = float(rng.uniform(*_TREMOR_HZ))
    voice = VoiceChange(**{name: value.pop(name) for name in VoiceChange.__dataclass_fields__})
    if cohort == "dysphonia":
        return DysphoniaProfile(severity, voice=voice, **value)
    spectrum = SpectralChange(**{name: value.pop(name) for name in SpectralChange.__dataclass_fields__})
    kind = DysarthriaProfile if cohort == "dysarthria" else ParkinsonsProfile
    return kind(severity, voice=voice, spectrum=spectrum, **value)
