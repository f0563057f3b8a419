"""One function over blocks of recordings on a Ray cluster; a block that is done is kept, and not done again."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from tqdm import tqdm

from hyper.recordings.whole_files import write_whole

Task = TypeVar("Task")
Result = TypeVar("Result")

BLOCK_RECORDINGS = 256  # some minutes of work on one device: what a lost worker costs


class BlocksError(ValueError):
    """The work cannot be given to a cluster; the message says what is missing."""


def in_blocks(rows: Sequence[Task], size: int = BLOCK_RECORDINGS) -> list[Sequence[Task]]:
    """Neighbouring rows, so many to a block."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def on_ray(
    make: Callable[[], Callable[[Task], Result]],  # called once in each worker; loads what every task needs
    tasks: Sequence[Task],
    folder: Path,  # for the results of blocks; those of other tasks have another place in it
    label: str,
    *,
    read: Sequence[Path] = (),  # what results depend on: none of those made before one of these changed are used
    wants_gpu: bool = False,  # a worker for each GPU where the cluster has any, else one for each CPU core
) -> list[Result]:
    """Results of the tasks in their order, each done once: those kept by an earlier run are read, not made.

    A worker that dies is started again, and its block with it. Results come to this process, which keeps them; the
    recordings must lie where every worker finds them. The cluster is that of RAY_ADDRESS, or this machine alone.
    Errors: BlocksError.
    """
    blocks = [pickle.dumps(task) for task in tasks]
    own = folder / hashlib.sha256(pickle.dumps((make, blocks, [_mark(file) for file in read]))).hexdigest()[:16]
    own.mkdir(parents=True, exist_ok=True)
    files = [own / f"{i:06d}.pickle" for i in range(len(tasks))]
    missing = [{"block": i, "task": block} for i, block in enumerate(blocks) if not files[i].exists()]
    if missing:
        for row in tqdm(_done(make, missing, wants_gpu), total=len(missing), desc=label, unit="block"):
            write_whole(files[row["block"]], row["result"])
    return [pickle.loads(file.read_bytes()) for file in files]


def _mark(file: Path) -> tuple[str, int, int]:
    """Name, size and time of the last change; no size and time where there is no such file."""
    try:
        found = file.stat()
    except OSError:  # whoever does the task says what is missing
        return str(file), 0, 0
    return str(file), found.st_size, found.st_mtime_ns


def _done(make: Callable[[], Callable[[Any], Any]], missing: list[dict[str, Any]], wants_gpu: bool) -> Any:
    """The rows with their results, as they come."""
    try:
        import ray.data
    except ImportError:
        raise BlocksError("--ray needs Ray, which is not installed: pip install 'ray[data]'.") from None
    if not ray.is_initialized():
        # It reads RAY_ADDRESS itself.
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    has = ray.cluster_resources()
    n_gpus = int(has.get("GPU", 0)) if wants_gpu else 0
    ray.data.DataContext.get_current().enable_progress_bars = False  # ours counts blocks
    return (
        ray.data.from_items(missing, override_num_blocks=len(missing))
        .map(
            cast(Any, _Worker),  # Ray makes one for each device
            fn_constructor_args=(make,),
            compute=ray.data.ActorPoolStrategy(size=min(n_gpus or int(has["CPU"]), len(missing))),
            num_cpus=0 if n_gpus else 1,
            num_gpus=1 if n_gpus else 0,
        )
        .iter_rows()
    )


class _Worker:
    """An actor on one device, with whatever `make` loads."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores of a machine
        self._work = make()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"block": row["block"], "result": pickle.dumps(self._work(pickle.loads(row["task"])))}
