"""How far a training run is, what it logs, and how it stops and goes on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hyper.model.files import tensors_to
from hyper.recordings.whole_files import whole_file, write_whole
from hyper.training.begun_with import RunError, check_same

_KNOWN_AFTER = 10  # ticks until the usual gap is known


@dataclass
class Clock:
    """Training time spent, over all starts of a run; a run is as long as its budget, on a slow machine too."""

    budget_seconds: float
    spent: float = 0.0
    _mark: float = field(default_factory=lambda: time.monotonic())
    _n_ticks: int = 0
    _usual: float = 0.0  # mean of the gaps counted so far, seconds

    def tick(self) -> None:
        """Count the time since the last tick; a gap ten times the usual (a paused process) counts as usual."""
        now = time.monotonic()
        gap = now - self._mark
        if self._n_ticks >= _KNOWN_AFTER and gap > 10 * self._usual:
            gap = self._usual
        self._n_ticks += 1
        self._usual += (gap - self._usual) / self._n_ticks
        self.spent += gap
        self._mark = now

    def restart(self) -> None:
        """Forget the time since the last tick: what happened then was not training."""
        self._mark = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the budget spent, 0 to 1."""
        return min(1.0, self.spent / self.budget_seconds)


def warm_hold_decay(progress: float, step: int, warm_up: int, hold: float = 0.5, last: float = 0.02) -> float:
    """Learning-rate factor: linear warm-up by steps, held until `hold` of the run, then linear down to `last`."""
    decay = 1.0 if progress < hold else 1 - (1 - last) * (progress - hold) / (1 - hold)
    return min(1.0, (step + 1) / warm_up) * decay


def cosine(progress: float, step: int, warm_up: int) -> float:
    """Learning-rate factor: linear warm-up by steps, then half a cosine down to 0 at the end of the run."""
    return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * progress))


class Log:
    """One JSON line an entry, appended; a resumed run goes on in the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **entry: float | int | str) -> None:
        line = json.dumps({key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()})
        with self._path.open("a") as lines:
            lines.write(line + "\n")
        print(line, flush=True)

    def read(self) -> list[dict[str, Any]]:
        """All entries so far; a last line that a kill cut off is none."""
        lines = self._path.read_text().splitlines(keepends=True) if self._path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def go_back_to(self, step: int) -> None:
        """Forget what came after this update: it is made again."""
        kept = [entry for entry in self.read() if entry["step"] <= step]
        write_whole(self._path, "".join(json.dumps(entry) + "\n" for entry in kept))


def random_of_update(*numbers: int) -> np.random.Generator:
    """Random numbers of one update, torch's as well: they depend on seed, update and process, not on what came before.

    So a run that was stopped draws what it would have drawn.
    """
    seeds = np.random.SeedSequence(numbers)
    torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))
    return np.random.default_rng(seeds.spawn(1)[0])


def save_state(
    path: Path,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    numbers: dict[str, float],
    begun_with: Mapping[str, Any] | None = None,
) -> None:
    """Weights, optimizer moments and counters in one safetensors file; a kill while writing leaves the old one."""
    tensors = {
        f"{name}/{key}": value.detach().contiguous().clone()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value.contiguous().clone() for key, value in moments.items()}
    with whole_file(path) as partial, tensors_to(path):
        save_file(tensors, partial, {"numbers": json.dumps(numbers), "begun_with": json.dumps(begun_with or {})})


def load_state(
    path: Path,
    modules: dict[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    begun_with: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Put back what `save_state` wrote; returns the counters.

    Errors: RunError where the run was begun with something else, or the file is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = {key: json.loads(value) for key, value in file.metadata().items()}
        numbers, before = facts["numbers"], facts["begun_with"]
    except (SafetensorError, AttributeError, KeyError, ValueError) as error:
        raise damaged_state(path) from error
    check_same(before, begun_with or {}, path.parent)
    tensors = load_modules(path, modules)
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in _below(tensors, "optimizer").items():
        index, name = key.split("/")
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return numbers


def load_modules(path: Path, modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Put back the weights alone; returns every tensor of the file. Errors: RunError where it is damaged."""
    try:
        tensors = load_file(path)
        for name, module in modules.items():
            module.load_state_dict(_below(tensors, name))
    except (SafetensorError, RuntimeError) as error:  # cut off, or tensors of another network
        raise damaged_state(path) from error
    return tensors


def damaged_state(path: Path) -> RunError:
    """The error of a state that cannot be used."""
    return RunError(f"{path} is damaged, or of another version. Delete it; the run then begins anew.")


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Learning rate of every parameter from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _below(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
