"""Model cards: what a checkpoint is, what it was trained on, what it must not be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hyper.model.backbone import Backbone
from hyper.model.hypernet import HyperNetwork
from hyper.recordings.counts import count
from hyper.recordings.manifest import SYNTHETIC, ManifestRow
from hyper.training.adaptation.loop import AdaptationTraining
from hyper.training.base.real_speech import PERSON
from hyper.training.base.settings import BaseTraining

CAUTION = (
    "Not intended to be used for the diagnosis, treatment, mitigation or prevention of any disease. Its output can be "
    "wrong; check it before anything depends on it."
)

WENT_ON = (
    "It went on from the hypernetwork with fingerprint `{}`, whose recordings are not counted here; in the losses "
    "below, *base* is that one."
)
KEPT = "Of each weight {:g} % is that hypernetwork's, the rest what was learned here, whose losses alone are below."
SIMULATED = (
    "Where a line says simulated, signal processing made typical speech atypical; no patient was recorded for that "
    "line."
)
OF_PEOPLE = "It learned from recordings of people whose speech is not typical; pass it on only as far as they agreed."
LICENCES = (
    "The weights that HyperWhisper ships are Apache-2.0; its docs/bundled.md has the licences of the corpora that "
    "their cards name."
)
BY_ORIGINALS = (
    "It was taught what the base makes of each simulated recording's original, before it was changed; of typical "
    "recordings, to leave them as they are. So it knows no words that the base does not."
)


def training_data_lines(rows: Sequence[ManifestRow]) -> list[str]:
    """One line for each kind of recording: corpus, cohort, whether simulated, how many, of how many speakers."""
    kinds = Counter(map(_kind, rows))
    lines = []
    for (corpus, cohort, simulated), n in sorted(kinds.items()):
        speakers = {row.speaker for row in rows if _kind(row) == (corpus, cohort, simulated)}
        label = f"simulated {cohort}" if simulated else cohort
        lines.append(f"- {corpus}, {label}: {count(n, 'recording')} of {count(len(speakers), 'speaker')}")
    return lines


def _kind(row: ManifestRow) -> tuple[str, str, bool]:
    return row.corpus or "unnamed", row.cohort or "typical", row.simulated


def _whose_speech(rows: Sequence[ManifestRow]) -> list[str]:
    """Sentences on simulated patients and on people, where there are any."""
    of_people = any(not row.simulated and row.cohort not in ("", "typical") for row in rows)
    return [*([SIMULATED] if any(row.simulated for row in rows) else []), *([OF_PEOPLE] if of_people else [])]


def _how_made(rows: Sequence[ManifestRow]) -> list[str]:
    """Sentences on synthetic speech and on recordings that were aligned, where there are any."""
    made = "Synthetic speech comes from espeak-ng and flite."
    cut = "were aligned by {} and cut between words into pieces of up to 6 s; the worst-fitting twentieth was left out."
    alone = "Recordings without phone times " + cut.format("the half-trained model itself")
    before = "Recordings of people " + cut.format("an earlier model")
    told = {
        made: any(row.corpus == SYNTHETIC for row in rows),
        alone: any(not row.phones for row in rows),
        before: any(row.phones and row.voice == PERSON for row in rows),
    }
    return [sentence for sentence, holds in told.items() if holds]


def _teacher_lines(settings: BaseTraining) -> list[str]:
    if not settings.teacher:
        return []
    taught = "all of that speech" if settings.teaches_all else "that real speech"
    told = f"Of {taught}, clean, it learned the encoder states of `{Path(settings.teacher).name}`, through a"
    return ["", f"{told} linear map that was thrown away; none of that model's weights are in it."]


def base_card(
    settings: BaseTraining,
    n_parameters: int,
    rows: Sequence[ManifestRow],
    entries: Sequence[Mapping[str, float]],
    start_fingerprint: str = "",
) -> str:
    """The card of a base that this project trained; the fingerprint is of the base that it went on from, if any."""
    last = entries[-1] if entries else {}
    numbers = {key: value for key, value in asdict(settings).items() if key not in ("start", "teacher")}
    before = f"It went on from the base with fingerprint `{start_fingerprint}`. " if start_fingerprint else ""
    lines = [
        "# whisper-mini",
        "",
        "A small model of Whisper's architecture, trained from scratch by this project. It is not OpenAI's Whisper and "
        "holds none of its weights.",
        "",
        f"- parameters: {n_parameters}",
        "- English, lower case, no punctuation; commands and short phrases first, open sentences second",
        "- window 10 s, log-mel every 20 ms; longer recordings are cut at pauses",
        "",
        "## Trained on",
        "",
        *training_data_lines(rows),
        "",
        " ".join([*_how_made(rows), LICENCES]),
        *_teacher_lines(settings),
        "",
        before + "Settings: " + ", ".join(f"{key} {value}" for key, value in numbers.items()) + ".",
        "",
        f"Updates: {last.get('step', 0)}, minutes of training: {last.get('minutes', 0):.0f}.",
        "",
        "## Limits",
        "",
        "It knows few words well and real people poorly: assets/results has what was measured. " + CAUTION,
        "",
    ]
    return "\n".join(lines)


def hypernet_card(
    backbone: Backbone,
    hypernet: HyperNetwork,
    settings: AdaptationTraining,
    rows: Sequence[ManifestRow],
    entries: Sequence[Mapping[str, float]],  # of the run's log
    *,
    measured: Sequence[str] = (),  # lines of Markdown, where speakers were kept for a test
    limits: Sequence[str] = (),  # sentences
    by_originals: bool = False,  # or by the references
    went_on_from: str = "",  # what the weights were of the hypernetwork that this one began as
    kept: float = 0.0,  # share of these that stays
) -> str:
    """The card of a hypernetwork, in Markdown."""
    lines = [
        f"# Hypernetwork for {hypernet.config.base_model}",
        "",
        *_what_it_is(hypernet, backbone.n_parameters),
        "",
        "## Trained on",
        "",
        *training_data_lines(rows),
        "",
        " ".join([*_whose_speech(rows), LICENCES]),
        *(["", BY_ORIGINALS] if by_originals else []),
        *(["", WENT_ON.format(went_on_from)] if went_on_from else []),
        *(["", KEPT.format(100 * kept)] if kept else []),
        "",
        "Settings: " + ", ".join(f"{key} {value}" for key, value in _used(settings).items()) + ".",
        "",
        "## Loss on speakers held out (nats a token)",
        "",
        *(_losses(entries) or ["- no speakers could be held out"]),
        *(["", worse] if (worse := worse_than_base(entries, bool(went_on_from))) else []),
        "",
        *(["## Measured on speakers that neither training nor any choice saw", "", *measured, ""] if measured else []),
        "## Limits",
        "",
        *(f"- {limit}" for limit in limits),
        *([""] if limits else []),
        CAUTION,
        "",
    ]
    return "\n".join(lines)


def _what_it_is(hypernet: HyperNetwork, base_parameters: int) -> list[str]:
    config = hypernet.config
    return [
        f"Writes from one utterance: {config.written}. It belongs to the base whose weights, the token embedding left "
        f"out, have the fingerprint `{config.base_fingerprint}`, and to no other.",
        "",
        f"- generated an utterance: {hypernet.n_generated}, {hypernet.n_generated / base_parameters:.3%} of the base",
        f"- its own parameters: {hypernet.n_parameters}, {hypernet.n_parameters / base_parameters:.1%} of the base",
        f"- generator: {config.generator}",
    ]


def _used(settings: AdaptationTraining) -> dict[str, Any]:
    """Without the budget that was not used: a run is as long as its updates, or else its minutes."""
    unused = "minutes" if settings.updates else "updates"
    return {name: value for name, value in asdict(settings).items() if name != unused}


def worse_than_base(entries: Sequence[Mapping[str, float]], went_on: bool = False) -> str:
    """One sentence with both numbers where the run ended worse than it began, on either kind of speech; else ""."""
    last = _last_validation(entries)
    worse = [
        f"{kind} speech {adapted:.3f} against {base:.3f}"
        for kind in ("typical", "atypical")
        if f"{kind}_adapted" in last
        and not (adapted := round(last[f"{kind}_adapted"], 3)) <= (base := round(last[f"{kind}_base"], 3))  # NaN too
    ]
    begun = "than that of the hypernetwork that it went on from" if went_on else "than the base's own"
    return f"On speakers held out its loss ended worse {begun}: {' and '.join(worse)} nats a token." if worse else ""


def _last_validation(entries: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Of a run that validated on typical speech alone, this too; empty where no speakers could be held out."""
    validation = [entry for entry in entries if not {"atypical_adapted", "typical_adapted"}.isdisjoint(entry)]
    return validation[-1] if validation else {}


def _losses(entries: Sequence[Mapping[str, float]]) -> list[str]:
    last = _last_validation(entries)
    return [f"- {name.replace('_', ', ')}: {last[name]:.3f}" for name in sorted(last) if "_" in name]
