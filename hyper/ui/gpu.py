"""The one function that works with a GPU which is lent call by call (ZeroGPU): what comes back is on the processor."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from torch import Tensor

from hyper.compare.pipeline import PersonalizedAsr
from hyper.model.backbone import Backbone
from hyper.ui.model_store import ModelStore

T = TypeVar("T")
IS_SHARED_GPU = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as the host marks its machines
GPU_SECONDS = 30  # asked for each call; a visitor with less quota left than this is refused

if IS_SHARED_GPU:
    import spaces  # before any model is loaded: until a call borrows the GPU, it stands in for it


def directly(call: Callable[[], T]) -> T:
    """The result of a call, where the model is at hand."""
    return call()


def way_to_model(models: ModelStore) -> Callable[[Callable[[], T]], T]:
    """What runs a call beside the model: the lent GPU, or nothing in between."""
    return LentGpu(models, spaces.GPU(duration=GPU_SECONDS)) if IS_SHARED_GPU else directly


class LentGpu:
    """Runs a call in the process that has the GPU. Calls and results are pickled on the way; a model goes by its name,
    and is the one that the other process has or loads."""

    def __init__(self, models: ModelStore, borrow: Callable[[Callable[[bytes], bytes]], Callable[[bytes], bytes]]):
        self._models = models
        self._work = borrow(partial(_work, self))

    def __call__(self, call: Callable[[], T]) -> T:
        answer, error = self.unpacked(self._work(self.packed(call)))
        if error is not None:
            raise error
        return answer

    def packed(self, value: Any) -> bytes:
        """The value without models, and with every tensor on the processor."""
        file = io.BytesIO()
        _Packer(file, self, self._models).dump(value)
        return file.getvalue()

    def unpacked(self, packed: bytes) -> Any:
        """The value, with the models of this process."""
        return _Unpacker(io.BytesIO(packed), self, self._models).load()


def _work(gpu: LentGpu, packed: bytes) -> bytes:
    """Everything that touches the GPU. Of errors only gradio's own get out by themselves: ours go with the answer."""
    call = gpu.unpacked(packed)
    try:
        return gpu.packed((call(), None))
    except ValueError as error:
        return gpu.packed((None, error))


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, gpu: LentGpu, models: ModelStore) -> None:
        super().__init__(file)
        self._gpu, self._models = gpu, models

    def persistent_id(self, thing: Any) -> tuple[str, str] | None:
        """What is not sent, by kind and name."""
        if isinstance(thing, PersonalizedAsr):
            return "model", self._models.name_of(thing)
        if isinstance(thing, Backbone):
            return "backbone", self._models.name_of(thing)
        return ("gpu", "") if thing is self._gpu else None

    def reducer_override(self, thing: Any) -> Any:
        """A tensor as it is on the processor."""
        if type(thing) is Tensor and thing.device.type != "cpu":
            return thing.cpu().__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        return NotImplemented


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, gpu: LentGpu, models: ModelStore) -> None:
        super().__init__(file)
        self._gpu, self._models = gpu, models

    def persistent_load(self, named: tuple[str, str]) -> Any:
        """What was not sent."""
        kind, name = named
        if kind == "gpu":
            return self._gpu
        asr = self._models.get(name)
        return asr if kind == "model" else asr.backbone
