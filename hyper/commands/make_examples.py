"""The app's examples: a recording for each cohort and severity and three typical ones, by a rule fixed beforehand."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hyper.simulate import COHORTS, SEVERITIES, draw_profile, simulate

SEED = 2026
MIN_WORDS = 5  # shorter commands leave simulated stuttering nothing to happen in
N_TYPICAL = 3
VOICES = ("rms", "slt", "awb")  # flite's voices nearest to a person; slt is in no training set
LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class Example:
    """One recording to make."""

    name: str
    cohort: str
    severity: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-examples`."""
    parser.add_argument("--out", type=Path, default=Path("examples"), help="folder to write (default: examples)")
    parser.epilog = (
        "examples:\n  python -m hyper make-examples\n\n"
        "The rule: sentences of the test split, drawn in order by one seed; voices in turn; nothing chosen by result."
    )


def run(args: argparse.Namespace) -> int:
    """Write the recordings and their manifest."""
    import numpy as np

    from hyper.recordings.audio import save_audio
    from hyper.recordings.manifest import ManifestRow, write_manifest
    from hyper.speech.engines import Flite
    from hyper.speech.make import finish
    from hyper.speech.speakers import draw_speaker

    args.out.mkdir(parents=True, exist_ok=True)
    flite, texts = Flite(), example_texts()
    rows = []
    for i, example in enumerate(examples()):
        text, voice = next(texts), VOICES[i % len(VOICES)]
        drawn = draw_speaker("known", 300_000 + SEED + i)  # of no split: those draw below 300,000
        speaker = replace(drawn, engine="flite", voice=voice, rate=float(np.clip(drawn.rate, 0.85, 1.1)), warp=1.0)
        waveform, phones = finish(flite.speak(text, voice, 1 / speaker.rate), speaker)
        if example.cohort != "typical":
            waveform = simulate(waveform, phones, draw_profile(example.cohort, example.severity, SEED + i), i).waveform
        file = f"{example.name}.wav"
        save_audio(args.out / file, waveform)
        rows.append(
            ManifestRow(
                file=file,
                path=args.out / file,
                reference=text,
                speaker=f"example{i:02d}",
                cohort=example.cohort,
                severity=example.severity,
                simulated=example.cohort != "typical",
                voice=speaker.voice_name,
                domain="command",
                corpus="synthetic",
                licence=LICENCE,
            )
        )
    write_manifest(args.out / "manifest.csv", rows)
    print(f"wrote {len(rows)} examples to {args.out}")
    return 0


def examples() -> list[Example]:
    """Every cohort at every severity, then the typical ones."""
    atypical = [Example(f"{cohort}_{severity}", cohort, severity) for cohort in COHORTS for severity in SEVERITIES]
    return [*atypical, *(Example(f"typical_{i}", "typical", "") for i in range(1, N_TYPICAL + 1))]


def example_texts() -> Iterator[str]:
    """Commands of the test split of at least `MIN_WORDS` words, in the order the seed draws them, none twice."""
    import numpy as np

    from hyper.speech.texts import sentences

    seen: set[str] = set()
    for text in sentences("command", "test", np.random.default_rng(SEED), []):
        if len(text.split()) >= MIN_WORDS and text not in seen:
            seen.add(text)
            yield text
