"""The models that a visitor can choose: the one the app was started with, and at most one other at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyper.model_files import BUNDLED

if TYPE_CHECKING:
    from hyper.pipeline import PersonalizedAsr


@dataclass(frozen=True)
class HubModel:
    """A Whisper on the Hugging Face hub."""

    name: str
    parameters: int  # millions
    megabytes: int  # of the checkpoint that is downloaded

    @property
    def label(self) -> str:
        """As the model list shows it."""
        size = f"{self.megabytes / 1000:.1f} GB" if self.megabytes >= 1000 else f"{self.megabytes} MB"
        return f"{self.name} · {self.parameters} M · downloads {size} once"


HUB_MODELS = (  # parameters x 4 bytes (float32), large ones x 2 (float16)
    HubModel("openai/whisper-tiny", 38, 151),
    HubModel("openai/whisper-base", 73, 290),
    HubModel("openai/whisper-small", 242, 967),
    HubModel("openai/whisper-medium", 764, 3056),
    HubModel("openai/whisper-large-v3", 1543, 3087),
    HubModel("openai/whisper-large-v3-turbo", 809, 1618),
)
CPU_LIMIT_MB = 1000  # larger ones take a minute for a sentence on a processor, and more memory than a laptop has free


class ModelShelf:
    """Gives the chosen model, loading it when it is first asked for."""

    def __init__(self, asr: PersonalizedAsr, name: str, load: Callable[[str], PersonalizedAsr]) -> None:
        """`asr` stays loaded for ever; `load` brings another one by its name."""
        self.first_name = name
        self._first = asr
        self._load = load
        self._other: tuple[str, PersonalizedAsr] | None = None
        self._lock = threading.Lock()

    def choices(self) -> list[tuple[str, str]]:
        """(label, name) of every model offered."""
        on_cpu = str(self._first.backbone.device).startswith("cpu")
        label = "Bundled pair · commands and short phrases" if self.first_name == BUNDLED else self.first_name
        hub = [model for model in HUB_MODELS if not on_cpu or model.megabytes <= CPU_LIMIT_MB]
        return [(label, self.first_name)] + [(m.label, m.name) for m in hub if m.name != self.first_name]

    def is_loaded(self, name: str) -> bool:
        """Whether the model can be used at once."""
        return name == self.first_name or (self._other is not None and self._other[0] == name)

    def get(self, name: str) -> PersonalizedAsr:
        """The model; the second one that was loaded makes room for a third."""
        if name == self.first_name:
            return self._first
        with self._lock:
            if self._other is None or self._other[0] != name:
                self._other = None  # free its memory before the next one needs it
                self._other = (name, self._load(name))
            return self._other[1]

    def is_multilingual(self, name: str) -> bool:
        """Whether a language can be chosen; every hub model offered knows many."""
        return name != self.first_name or self._first.backbone.is_multilingual
