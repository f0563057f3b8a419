"""A hypernetwork trained for a frozen Whisper and written with its card and its curve."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from hyper.model.backbone import Backbone
from hyper.model.checkpoint import config_for, load_hypernet, save_hypernet
from hyper.model.config import HypernetConfig, whole_stacks
from hyper.model.hypernet import at_strength, between
from hyper.model.info import check_room
from hyper.model.lora import MAX_STRENGTH
from hyper.plots.training import training_curve
from hyper.recordings.manifest import ManifestRow, read_manifest
from hyper.recordings.parallel import LONGEST_WAIT
from hyper.training.adaptation.hypernet_adaptation import EncodingHypernetAdaptation, HypernetAdaptation, adapts_encoder
from hyper.training.adaptation.live_states import open_store
from hyper.training.adaptation.loop import AdaptationTrainer, AdaptationTraining
from hyper.training.adaptation.losses import ORIGINALS, REFERENCES
from hyper.training.adaptation.originals import WithOriginals, check_named
from hyper.training.adaptation.states import StateStore, Store
from hyper.training.adaptation.stores import LogMelStore
from hyper.training.model_card import hypernet_card, worse_than_base
from hyper.training.speed import choose_attention

ON_DISK = {"auto": None, "disk": True, "live": False}  # as `open_store` takes it
NOT_LIVE = "With --states live nothing is kept on disk; where {}, please leave it out."
CURVES = ("loss", "atypical_base", "atypical_adapted", "typical_base", "typical_adapted")


class TrainingDataError(ValueError):
    """The manifests cannot be trained on; the message says what is wanted."""


@dataclass(frozen=True)
class HypernetTraining:
    """What is trained, on what, and where; how is `AdaptationTraining`."""

    base: str
    data: Sequence[Path]  # manifests
    out: Path
    run_folder: Path
    states: str  # of ON_DISK
    targets: Sequence[str]
    rank: int
    alpha: float | None  # None is the rank
    generator: str
    generated: str
    dropout: float
    device: str | None
    strength: float = 1.0  # of what was trained, that becomes strength 1
    lesson: str = REFERENCES  # what is taught
    bits: int | None = None  # of the base, on CUDA cards; the hypernetwork learns in full
    start: Path | None = None  # a hypernetwork for this base to go on from, in its form
    keep: float = 0.0  # share of its weights that stays

    def __post_init__(self) -> None:
        if not 0 < self.strength <= MAX_STRENGTH:
            raise TrainingDataError(
                f"`strength` is {self.strength:g}, but what becomes strength 1 lies above 0 and up to {MAX_STRENGTH:g}."
            )
        if not 0 <= self.keep < 1 or (self.keep and not self.start):
            raise TrainingDataError(
                f"--keep is {self.keep:g}; it is the share of the weights of --start that stays, 0 or more, below 1."
            )
        if self.states == "live" and self.lesson == ORIGINALS:
            raise TrainingDataError(NOT_LIVE.format(f"--lesson {ORIGINALS} is taught"))

    def config(self, backbone: Backbone) -> HypernetConfig:
        """Of the hypernetwork for this base."""
        return config_for(
            backbone,
            n_mixes=min(4, backbone.n_encoder_layers + 1),
            targets=whole_stacks(self.targets),
            rank=self.rank,
            alpha=float(self.rank) if self.alpha is None else self.alpha,
            generator=self.generator,
            generated=self.generated,
            dropout=self.dropout,
        )


def train_hypernet(wanted: HypernetTraining, settings: AdaptationTraining) -> None:
    """Encode, train, write the hypernetwork with its card and the curve; several processes share the work."""
    check_folder(wanted.out)
    rows = taught_rows(wanted.data, wanted.lesson)
    waiting = InitProcessGroupKwargs(timeout=LONGEST_WAIT)  # the others wait while the first encodes
    accelerator = Accelerator(cpu=wanted.device == "cpu", kwargs_handlers=[waiting])
    settings.check_shared_by(accelerator.num_processes)  # encoding may take an hour
    several = accelerator.num_processes > 1  # then each process has a device of its own
    device = str(accelerator.device) if several else wanted.device
    if wanted.bits is None:
        check_room(wanted.base, device=device)
    backbone = Backbone.load(wanted.base, device, bits=wanted.bits)
    choose_attention(backbone.model)
    start = load_hypernet(wanted.start, backbone) if wanted.start else None
    config = replace(start.config, dropout=wanted.dropout) if start else wanted.config(backbone)
    in_encoder = adapts_encoder(config.targets)
    if wanted.states == "live" and in_encoder:
        raise TrainingDataError(NOT_LIVE.format("the encoder is adapted"))
    kind = EncodingHypernetAdaptation if in_encoder else HypernetAdaptation
    adaptation = kind(backbone, config, settings.language, settings.seed)
    if start:
        adaptation.go_on_from(start)
    with accelerator.main_process_first():  # the others find what the first has encoded
        store = _open(wanted, backbone, rows, settings, in_encoder)
    trainer = AdaptationTrainer(store, adaptation, wanted.run_folder, settings, accelerator)
    if trainer.step == 0 and not start:
        adaptation.standardise(store, trainer.training)
    trainer.train()
    if accelerator.is_main_process:
        trained = between(start, adaptation.hypernet, wanted.keep) if start else adaptation.hypernet
        hypernet = at_strength(trained, wanted.strength)
        save_hypernet(hypernet, wanted.out)
        entries = trainer.log.read()
        (wanted.out / "README.md").write_text(
            hypernet_card(
                backbone,
                hypernet,
                settings,
                _trained_on(store, trainer.training, rows),
                entries,
                by_originals=wanted.lesson == ORIGINALS,
                went_on_from=adaptation.went_on_from,
                kept=wanted.keep,
            )
        )
        training_curve(entries, CURVES, wanted.run_folder / "curve.png")
        command = shlex.join(["python", "app.py", "--base", wanted.base, "--hypernet", str(wanted.out)])
        worse = worse_than_base(entries, bool(adaptation.went_on_from))
        print(f"wrote {wanted.out}; start the app on it:\n{command}" + (f"\n{worse}" if worse else ""))
    accelerator.wait_for_everyone()
    accelerator.end_training()  # several processes would hang at their exit


def check_folder(out: Path) -> None:
    """Before the training, not after: the hypernetwork's folder can be made. Errors: TrainingDataError."""
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise TrainingDataError(f"--out is {out}, but {there} is a file; please name a folder for the hypernetwork.")


def taught_rows(manifests: Sequence[Path], lesson: str = REFERENCES) -> list[ManifestRow]:
    """The recordings of all manifests.

    Errors: TrainingDataError where one has no reference; OriginalsError where one lacks the original that is taught.
    """
    rows = [row for manifest in manifests for row in read_manifest(manifest)]
    if n_without := sum(not row.reference for row in rows):
        raise TrainingDataError(
            f"{n_without} recordings have no reference; training needs what was meant in every line."
        )
    if lesson == ORIGINALS:
        check_named(rows)
    return rows


def _trained_on(store: Store, training: Iterable[int], rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """The rows behind these positions; all where an earlier version kept the store, and knows no path of now."""
    paths = {store.paths[i] for i in training}
    return [row for row in rows if str(row.path) in paths] or list(rows)


def _open(
    wanted: HypernetTraining,
    backbone: Backbone,
    rows: Sequence[ManifestRow],
    settings: AdaptationTraining,
    in_encoder: bool,
) -> Store:
    """Encoder states, or, where encoder layers are adapted, log-mel: kept states were encoded without the update."""
    on_disk = in_encoder or wanted.lesson == ORIGINALS or ON_DISK[wanted.states]
    folder = wanted.run_folder / "states"
    states = open_store(backbone, rows, folder, on_disk, settings.bfloat16)
    if not isinstance(states, StateStore):
        return states
    store = LogMelStore(backbone, rows, states) if in_encoder else states
    if wanted.lesson == ORIGINALS:
        return WithOriginals(store, folder, backbone, rows, settings.language, settings.bfloat16)
    return store
