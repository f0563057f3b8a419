"""Training curves from a run's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure


def training_curve(entries: Sequence[Mapping[str, float]], names: Sequence[str], path: Path) -> None:
    """One panel for each named quantity over minutes of training, written as a picture by the path's ending."""
    figure = Figure(figsize=(7, 2.2 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for panel, name in zip(panels, names, strict=True):
        points = [(entry["minutes"], entry[name]) for entry in entries if name in entry]
        if points:
            panel.plot(*zip(*points, strict=True), linewidth=1)
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("minutes of training")
    figure.savefig(path, dpi=120)
