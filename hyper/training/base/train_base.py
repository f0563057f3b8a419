"""A small Whisper trained from scratch, or from an earlier one, and written with its card and its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hyper.model.backbone import Backbone
from hyper.plots.training import training_curve
from hyper.training.base.settings import BaseTraining, going_on
from hyper.training.base.small_whisper import BaseSize, size_of
from hyper.training.base.trainer import BaseTrainer
from hyper.training.model_card import base_card


def train_base(
    manifests: Sequence[Path],
    run_folder: Path,
    out: Path,
    start: Path | None,  # a base to go on from, with its size
    size: BaseSize,
    settings: BaseTraining,
    n_workers: int,
) -> None:
    """Train in the run's folder, export to `out`."""
    if start:
        size, settings = size_of(start), going_on(settings, start)
    if settings.teacher:
        settings = replace(settings, teacher_width=Backbone.load(settings.teacher, device="cpu").d_model)
    trainer = BaseTrainer(manifests, run_folder, settings, size, n_workers)
    trainer.train()
    trainer.export(out)
    entries = trainer.log.read()
    before = Backbone.load(start, device="cpu").fingerprint if start else ""
    rows = [*trainer.aligned, *trainer.pieces, *trainer.unaligned]
    (out / "README.md").write_text(base_card(settings, trainer.model.num_parameters(), rows, entries, before))
    training_curve(entries, ("text", "phones", "characters"), run_folder / "curve.png")
