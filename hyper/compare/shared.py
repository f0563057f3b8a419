"""One manifest scored by several processes, each a part of it: one, those of a launcher, or a Ray cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from accelerate import PartialState
from accelerate.utils import gather_object

from hyper.compare.evaluation import Evaluation
from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scoring import score_manifest
from hyper.model.files import ASSETS, find_folder
from hyper.recordings.blocks import BlocksError, in_blocks, on_ray
from hyper.recordings.manifest import ManifestRow
from hyper.recordings.parallel import LONGEST_WAIT


def own_device(device: str | None) -> str | None:
    """The device asked for; where a launcher started several processes, the one that it gave to this process."""
    return str(PartialState(cpu=device == "cpu", timeout=LONGEST_WAIT).device) if _several() else device


def score_shared(
    asr: PersonalizedAsr, rows: Sequence[ManifestRow], *, batch_size: int, language: str
) -> Evaluation | None:
    """The evaluation of all rows in the first process, None in the others, which have handed in their parts."""
    if not _several():
        return score_manifest(asr, rows, batch_size=batch_size, language=language, progress=True)
    processes = PartialState(timeout=LONGEST_WAIT)
    part = own_part(rows, processes.process_index, processes.num_processes)
    own = score_manifest(asr, part, batch_size=batch_size, language=language, progress=processes.is_main_process)
    parts: list[Evaluation] = gather_object([own])
    processes.destroy_process_group()  # or the processes would hang at their exit
    return joined(parts) if processes.is_main_process else None


def leave() -> NoReturn:
    """End a process that has handed in its part, at once.

    Where Python and torch are torn down right after the process group, a thread of gloo's is now and then still
    about, and the process aborts. The first process has other work in between.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def files_of(base: str, hypernet: str | None) -> list[Path]:
    """What a pair is read from; without a hypernetwork's name, all among which one is looked for."""
    folders = [find_folder(base)[0], *([Path(hypernet)] if hypernet else sorted(ASSETS.glob("*/")))]
    return [file for folder in folders for file in sorted(folder.glob("*")) if file.suffix in (".safetensors", ".json")]


def score_on_ray(
    load: Callable[[], PersonalizedAsr],  # in each worker
    rows: Sequence[ManifestRow],
    folder: Path,  # where finished blocks are kept
    *,
    batch_size: int,
    language: str,
    read: Sequence[Path] = (),  # what the pair is read from; blocks made before it or a recording changed are not used
    wants_gpu: bool = True,
) -> Evaluation:
    """The evaluation of all rows, a block at a time on each device of the cluster.

    Errors: BlocksError, also where blocks were kept that other weights had scored.
    """
    rows = [replace(row, path=row.path.resolve()) for row in rows]  # workers stand in other folders
    make = partial(_scorer, load, batch_size, language)
    read = [*read, *(row.path for row in rows)]
    parts = on_ray(make, in_blocks(rows), folder, "scoring", read=read, wants_gpu=wants_gpu)
    if len({part.fingerprint for part in parts}) > 1:
        raise BlocksError(f"{folder} holds blocks that were scored with other weights; please delete the folder.")
    return joined(parts)


def _scorer(
    load: Callable[[], PersonalizedAsr], batch_size: int, language: str
) -> Callable[[Sequence[ManifestRow]], Evaluation]:
    return partial(score_manifest, load(), batch_size=batch_size, language=language)


def own_part(rows: Sequence[ManifestRow], index: int, n_processes: int) -> Sequence[ManifestRow]:
    """Neighbouring rows, as many for each process or one fewer, so that the parts in turn are the manifest."""
    first, end = (i * len(rows) // n_processes for i in (index, index + 1))
    return rows[first:end]


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """All recordings of the parts in the manifest's order; pooled anew, because the mean of rates is no rate."""
    return replace(
        parts[0],
        utterances=tuple(utterance for part in parts for utterance in part.utterances),
        failures=tuple(failure for part in parts for failure in part.failures),
    )


def _several() -> bool:
    """Whether `accelerate launch` or `torchrun` started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
