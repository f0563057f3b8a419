"""The one training loop of everything that adapts a frozen base: batches, updates, validation, saving, resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence, Set
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from hyper.model.info import free_bytes, gigabytes
from hyper.training.adaptation.adaptation import Adaptation
from hyper.training.adaptation.batches import Sampler, split_speakers
from hyper.training.adaptation.live_states import LiveStates
from hyper.training.adaptation.losses import ORIGINALS
from hyper.training.adaptation.memory import update_bytes
from hyper.training.adaptation.originals import WithOriginals
from hyper.training.adaptation.states import StateBatch, Store, store_mark
from hyper.training.begun_with import in_few_words
from hyper.training.progress import Clock, Log, cosine, load_state, random_of_update, save_state, set_rate
from hyper.training.speed import mixed_precision

VALIDATED = 512  # utterances of each kind
VALIDATED_AT_ONCE = 64
TRAINED_PER_VALIDATED = 9.0  # seconds of training at least for each of validation on the way
_LONGEST = 8  # recordings, of which two that could be read tell what memory is needed


@dataclass(frozen=True)
class AdaptationTraining:
    """Settings of a run."""

    minutes: float = 10.0  # of training proper, where `updates` is 0
    updates: int = 0  # the budget in updates; 0 leaves it to the minutes
    batch_size: int = 64  # utterances an update, over all processes
    accumulate: int = 1  # parts that a batch is computed in, where memory is short
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up: int = 100  # updates
    typical_share: float = 0.25  # of what is heard, so that typical speech is left unharmed
    validation_share: float = 0.04  # of the speakers, never trained on
    save_every_seconds: float = 120.0
    language: str = "en"
    bfloat16: bool = True  # where the device is faster with it
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("updates", 0), ("batch_size", 1), ("accumulate", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise LoopError(f"`{name}` is {getattr(self, name)}, but it must be at least {least}.")
        if not 0 < self.minutes < math.inf:  # NaN as well
            raise LoopError(f"`minutes` is {self.minutes:g}, but training takes more than 0 and has an end.")
        if not 0 < self.learning_rate < math.inf:
            raise LoopError(f"`learning_rate` is {self.learning_rate:g}, but it must be a number above 0.")

    def check_shared_by(self, n_processes: int) -> None:
        """Errors: LoopError where these cannot share a batch or its parts, or would not stop together."""
        if self.batch_size % (n_processes * self.accumulate):
            raise LoopError(
                f"A batch of {self.batch_size} cannot be shared evenly by {n_processes} processes in {self.accumulate} "
                "parts; choose a multiple of their product."
            )
        if n_processes > 1 and not self.updates:
            raise LoopError(
                f"{n_processes} processes must stop at the same update, but only minutes are given; give --updates."
            )

    @property
    def begun_with(self) -> dict[str, Any]:
        """What may not change on the way; the budget, the saving and how a batch is computed may."""
        free = ("minutes", "updates", "accumulate", "save_every_seconds", "bfloat16")
        return {name: value for name, value in asdict(self).items() if name not in free}


class LoopError(ValueError):
    """A run cannot be made with these settings; the message says which."""


class DivergedError(LoopError):
    """The loss is no number any more: nothing that comes after it could be of use."""


class AdaptationTrainer:
    """One run in one folder; made again from the same folder it goes on where it was."""

    def __init__(
        self,
        store: Store,
        adaptation: Adaptation,
        run: Path,
        settings: AdaptationTraining,
        accelerator: Accelerator | None = None,
        chosen: np.ndarray | None = None,  # positions in the store; all of it where None
        held: Set[str] | None = None,  # people to validate on; drawn where None
    ) -> None:
        self.store, self.settings, self.run = store, settings, run
        self.accelerator = accelerator or Accelerator(cpu=not any(p.is_cuda for p in adaptation.parameters()))
        settings.check_shared_by(self.accelerator.num_processes)
        run.mkdir(parents=True, exist_ok=True)
        self.training, self.validation = (
            part if chosen is None else np.intersect1d(part, chosen)
            for part in split_speakers(store, settings.validation_share, held)
        )
        self.adaptation = adaptation
        optimizer = torch.optim.AdamW(
            adaptation.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.clock, self.step = Clock(settings.minutes * 60), 0
        self.log, self._validating = Log(run / "log.jsonl"), 0.0  # seconds that the last validation took
        self._begun_with = {
            "recordings": store_mark(store),
            "those to train on": in_few_words(self.training.tolist()),
            **settings.begun_with,
            **adaptation.begun_with(),
            **({"lesson": ORIGINALS} if isinstance(store, WithOriginals) else {}),
        }
        if (run / "state.safetensors").exists():
            state = run / "state.safetensors"
            numbers = load_state(state, {"adaptation": adaptation}, optimizer, self._begun_with)
            self.step, self.clock.spent = int(numbers["step"]), numbers["spent"]
        if self.accelerator.is_main_process:
            self.log.go_back_to(self.step if self.step else -1)
        self._module, self._optimizer = self.accelerator.prepare(adaptation, optimizer)

    @property
    def progress(self) -> float:
        """Share of the budget spent, 0 to 1."""
        return min(1.0, self.step / self.settings.updates) if self.settings.updates else self.clock.progress

    def train(self) -> None:
        """Run to the end of the budget; saves now and then and at the end."""
        settings = self.settings
        draw = Sampler(
            self.store, self.training, settings.typical_share, settings.batch_size // self.accelerator.num_processes
        )
        if self.step == 0:
            self._report()
        if self.progress >= 1:
            return
        self.check_memory()
        self.accelerator.print(self.estimate(draw), flush=True)
        saved = validated = self.clock.spent
        self.clock.restart()
        while self.progress < 1:
            rng = random_of_update(settings.seed, self.step, self.accelerator.process_index)
            self._update(draw.batch(rng))
            self.clock.tick()
            if self.clock.spent - saved > settings.save_every_seconds:
                if (spent := self.clock.spent) - validated > TRAINED_PER_VALIDATED * self._validating:
                    self._report()  # first: what stands in the log after the last saved update is made again
                    validated = spent
                self._save()
                saved = self.clock.spent
                self.clock.restart()
        self._report()
        self._save()

    @property
    def _at_once(self) -> int:
        """Recordings that one process computes together."""
        return self.settings.batch_size // (self.accelerator.num_processes * self.settings.accumulate)

    def check_memory(self) -> None:
        """Raise `LoopError` where the longest recordings would not fit the device: no long run ends in its middle."""
        by_length = self.training[np.argsort(self.store.lengths[self.training], kind="stable")]
        longest = self.store.batch(by_length[-_LONGEST:]).chosen[-2:][::-1].copy()  # that could be used
        needed = update_bytes(
            lambda chosen: self._loss(self.adaptation, self.store.batch(chosen)), longest, self._at_once
        )
        free = free_bytes(self.accelerator.device)
        if needed > free:
            raise self._too_large(f": it takes at least {gigabytes(needed)}, and {gigabytes(free)} are free")

    def _too_large(self, why: str = "") -> LoopError:
        kept = ", or --states disk" if isinstance(self.store, LiveStates) else ""
        return LoopError(
            f"A batch of {self.settings.batch_size}, {self._at_once} recordings at a time, does not fit the memory of "
            f"{self.accelerator.device}{why}; please choose a smaller --batch-size, or more parts with --accumulate"
            f"{kept}."
        )

    def estimate(self, draw: Sampler) -> str:
        """What the rest of the run will take."""
        seconds = self.seconds_of_update(draw)
        minutes_left = (1 - self.progress) * self.settings.minutes
        n_left = self.settings.updates - self.step if self.settings.updates else round(60 * minutes_left / seconds)
        memory = ""
        if self.accelerator.device.type == "cuda":
            memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
        return (
            f"about {n_left} updates of {seconds:.2f} s: {n_left * seconds / 60:.0f} min on "
            f"{self.accelerator.num_processes} x {self.accelerator.device.type}{memory}"
        )

    def seconds_of_update(self, draw: Sampler) -> float:
        """How long one takes, measured on two batches that teach nothing: the first warms up."""
        for _ in range(2):
            chosen, start = draw.batch(np.random.default_rng(self.settings.seed)), time.perf_counter()
            try:
                self._backward(chosen)
            except torch.OutOfMemoryError as error:
                raise self._too_large() from error
            if self.accelerator.device.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - start
        self._optimizer.zero_grad(set_to_none=True)
        return seconds

    @torch.no_grad()
    def seconds_of_validation(self, chosen: np.ndarray) -> float:
        """How long the loss of these takes, all computed at once."""
        self.adaptation.eval()
        started = time.perf_counter()
        float(self._loss(self.adaptation, self.store.batch(chosen)))
        return time.perf_counter() - started

    def _update(self, chosen: np.ndarray) -> None:
        self.adaptation.train()
        rate = self.settings.learning_rate * cosine(self.progress, self.step, self.settings.warm_up)
        set_rate(self._optimizer, rate)
        if not math.isfinite(loss := self._backward(chosen)):
            raise DivergedError(
                f"The loss is {loss:g} at update {self.step + 1} of the run in {self.run}: training diverged. Please "
                "begin anew in another folder, with a lower learning rate or alpha."
            )
        self.accelerator.clip_grad_norm_(self._module.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % 50 == 0 and self.accelerator.is_main_process:
            self.log.write(step=self.step, minutes=self.clock.spent / 60, rate=rate, loss=loss)

    def _backward(self, chosen: np.ndarray) -> float:
        """Gradients of the mean loss a token over the batch, part by part; returns this loss."""
        parts = np.array_split(chosen, self.settings.accumulate)
        summed, n_tokens = 0.0, 0
        for i, part in enumerate(parts):
            batch = self.store.batch(part)  # what could not be used is left out: only now its tokens are known
            n_tokens += self.adaptation.n_tokens(batch)
            is_last = i == len(parts) - 1
            with nullcontext() if is_last else self.accelerator.no_sync(self._module):
                loss = self._loss(self._module, batch)
                summed += float(loss.detach())
                if is_last:  # before the processes exchange gradients: each has its own count
                    self._divide_gradients(n_tokens)
                    loss = loss / n_tokens
                self.accelerator.backward(loss)
        return summed / n_tokens

    def _divide_gradients(self, by: int) -> None:
        for parameter in self.adaptation.parameters():
            if parameter.grad is not None:
                parameter.grad /= by

    def _loss(self, module: nn.Module, batch: StateBatch) -> Tensor:  # the batch as it is read, in full precision
        """Summed over the tokens of the batch, in nats."""
        with mixed_precision(self.accelerator.device, self.settings.bfloat16):
            return module(batch)

    def _mean_loss(self, groups: Sequence[np.ndarray]) -> float:
        """A token, in nats, over batches as the store gives them."""
        summed, n_tokens = 0.0, 0
        for batch in map(self.store.batch, groups):
            summed += float(self._loss(self.adaptation, batch))
            n_tokens += self.adaptation.n_tokens(batch)
        return summed / n_tokens

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            state, numbers = self.run / "state.safetensors", {"step": self.step, "spent": self.clock.spent}
            save_state(state, {"adaptation": self.adaptation}, self._optimizer, numbers, self._begun_with)

    @torch.no_grad()
    def _report(self) -> None:
        """Loss on validation speakers, typical and atypical apart, beside what it was before the first update."""
        if not self.accelerator.is_main_process:
            return
        self.adaptation.eval()
        began, entry = time.monotonic(), dict[str, float]()
        typical = np.array([self.store.cohorts[i] == "typical" for i in self.validation], dtype=bool)
        for name, members in (("typical", self.validation[typical]), ("atypical", self.validation[~typical])):
            chosen = np.random.default_rng(0).permutation(members)[:VALIDATED]  # a list may begin with one speaker's
            groups = [chosen[i : i + VALIDATED_AT_ONCE] for i in range(0, len(chosen), VALIDATED_AT_ONCE)]
            if groups:
                entry[f"{name}_adapted"] = self._mean_loss(groups)
                entry[f"{name}_base"] = self._before(f"{name}_adapted", entry[f"{name}_adapted"])
        self.log.write(step=self.step, minutes=self.clock.spent / 60, **entry)
        self._validating = time.monotonic() - began

    def _before(self, name: str, now: float) -> float:
        """The same loss at step 0, where nothing was adapted yet."""
        return next((entry[name] for entry in self.log.read() if entry["step"] == 0 and name in entry), now)
