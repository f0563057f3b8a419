"""How the cost of a comparison grows, as JSON, a table and a figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hyper.compare.pipeline import PersonalizedAsr
from hyper.compare.scaling import ALONE, BOTH, N_WRITTEN, SECONDS, Extent, Growth, from_json, lasting, measure, to_json
from hyper.plots.scaling import scaling_figure
from hyper.plots.style import save_figure
from hyper.recordings.audio import load_audio
from hyper.recordings.counts import count
from hyper.recordings.whole_files import write_whole
from hyper.study.cells import markdown_table
from hyper.study.provenance import this_command, write_json

NAME = "scaling"  # of the files
MEASURED_HOW = "Markers: medians; bars: quartiles."
COUNTED = {"size": "million parameters", "targets": "matrices"}
SPEECH_SECONDS = 60.0  # of the examples, one after the other: what long recordings repeat


def write_scaling(asr: PersonalizedAsr, files: Sequence[Path], extent: Extent, out: Path) -> Path:
    """Measure, then write all files; returns the table's."""
    speech = lasting(torch.cat([torch.from_numpy(load_audio(file)) for file in files]).numpy(), SPEECH_SECONDS)
    growths = [to_json(each) for each in measure(asr, speech, extent)]
    record = {
        "command": this_command(),
        "base_model": asr.base_model,
        "hypernetwork": asr.hypernetwork,
        "device": asr.device,
        "threads": torch.get_num_threads(),
        "growths": growths,
    }
    write_json(out / f"{NAME}.json", record)
    return draw_scaling(out)


def draw_scaling(out: Path) -> Path:
    """The table and the figure anew from the numbers in the folder; returns the table's file."""
    record = json.loads((out / f"{NAME}.json").read_text(encoding="utf-8"))
    save_figure(figure_of(record), out / NAME)
    write_whole(out / f"{NAME}.md", page(record))
    return out / f"{NAME}.md"


def figure_of(record: dict[str, Any]) -> Any:
    """The figure of a record as it is in the file."""
    return scaling_figure([from_json(each) for each in record["growths"]], f"{_measured_on(record)}. {MEASURED_HOW}")


def page(record: dict[str, Any]) -> str:
    """The table as a page of Markdown."""
    growths = [from_json(each) for each in record["growths"]]
    slopes = markdown_table(
        ["what grows", "from", "to", "both to base alone, first", "last", "slope of base alone", "slope of both"],
        [_slopes_row(growth) for growth in growths],
    )
    points = markdown_table(
        ["what grows", "setting", "base alone, ms", "both transcripts, ms", "both to base alone", "quartiles"],
        [row for growth in growths for row in _point_rows(growth)],
    )
    return FRAME.format(
        on=_measured_on(record), command=record["command"], slopes=slopes, points=points, name=NAME, seconds=SECONDS,
        n_written=N_WRITTEN,
    )  # fmt: skip


def _measured_on(record: dict[str, Any]) -> str:
    threads = record["threads"]
    where = f"{record['device']}, {count(threads, 'thread')}"
    return f"{record['base_model']} with {record['hypernetwork']} on {where}"


def _slopes_row(growth: Growth) -> list[str]:
    first, last = growth.points[0], growth.points[-1]
    if growth.is_log:
        since = f" (from {growth.fitted_from:g} on)" if growth.fitted_from > first.x else ""
        slopes = [f"power {growth.slopes[line]:.2f}{since}" for line in (ALONE, BOTH)]
    else:
        slopes = ["0, the same for all", f"{growth.slopes[BOTH]:+.4f} each"]
    return [growth.x_name, first.label, last.label, f"{first.ratio:.2f}", f"{last.ratio:.2f}", *slopes]


def _point_rows(growth: Growth) -> list[list[str]]:
    return [
        [
            growth.name,
            point.label + (f", {point.x:g} {COUNTED[growth.name]}" if growth.name in COUNTED else ""),
            f"{point.alone_ms:.0f}",
            f"{point.both_ms:.0f}",
            f"{point.ratio:.2f}",
            f"{point.quartiles[0]:.2f} to {point.quartiles[1]:.2f}",
        ]
        for point in growth.points
    ]


FRAME = """\
# What a comparison costs, and how that grows

{on}, by `{command}`.

![Time over length, model size, rank and adapted layers]({name}.png)

Both transcripts (encode, write the weights, decode two rows) beside the base alone (encode, decode one row), from the
waveform on, measured in turn on the same recording; each ratio is the median over neighbours in time, and the times of
both are the base's times that ratio. Lengths are those of the examples' speech, repeated, with the pair as it is. Sizes
are Whispers of the published shapes with random weights that end after {n_written} tokens; `mini` has the layers of the
bundled base. Sizes, ranks and targets are measured on {seconds:g} s, with hypernetworks as they are before training:
they change no word, so that both rows write as much, and cost what trained ones do. A slope is that of the
least-squares line: through the logarithms for length and size, so that power 1 means twice as long for twice as much;
through the ratios for rank and adapted matrices. Where encoder layers are adapted, the adapted row is encoded a second
time.

{slopes}

## Each setting

{points}
"""
