"""The scorecard's figures: simulated disorders by severity, and real people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyper.plots import palette
from hyper.plots.style import (
    ADAPTED,
    BASE,
    LABEL,
    WER_LABEL,
    Look,
    error_arms,
    save_figure,
    style_axes,
    title_of,
)

Record = Mapping[str, Any]  # a group of scorecard.json

SEVERITIES = ("mild", "moderate", "severe")
INTERVAL_NOTE = "bars: 95 % intervals over speakers, none with fewer than five"


BEFORE = Look("base before", palette.MUTED, "x", palette.MUTED, ":")


def severity_figure(
    cells: Sequence[Record],  # one for each severity of each cohort
    others: Sequence[Record] = (),  # the same of cohorts that training never simulates
) -> Figure:
    """WER of base and adapted over severity, a panel for each simulated cohort."""
    panels = {**_by_cohort(cells, "{}"), **_by_cohort(others, "{},\nnot trained on")}
    figure = Figure(figsize=(0.9 + 1.9 * len(panels), 4.2), layout="constrained")
    axes_row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, records) in zip(axes_row, panels.items(), strict=True):
        for shift, row, look in ((-0.07, "base", BASE), (0.07, "adapted", ADAPTED)):
            places = [SEVERITIES.index(record["value"].split(", ")[1]) + shift for record in records]
            axes.errorbar(places, _rates(records, row), yerr=_arms(records, row), **look.drawn())
        axes.set_xticks(range(len(SEVERITIES)), SEVERITIES)
        axes.set_xlim(-0.5, len(SEVERITIES) - 0.5)
        axes.set_title(title, fontsize=10, color=palette.INK)
        style_axes(axes, grid="y")
    axes_row[0].set_ylim(bottom=0)
    axes_row[0].set_ylabel(WER_LABEL, **LABEL)
    axes_row[len(panels) // 2].set_xlabel("simulated severity", **LABEL)
    title_of(figure, "Simulated disorders, commands by held-out synthetic speakers")
    _legend(figure, axes_row[0])
    return figure


def people_figure(
    groups: Sequence[Record],  # one for each corpus
    before: Sequence[float | None],  # the base's WER in an earlier scorecard, for each corpus
) -> Figure:
    """WER of base and adapted on each corpus of real people, beside that of an earlier base where it is known."""
    figure = Figure(figsize=(7.5, 1.5 + 0.85 * len(groups)), layout="constrained")
    axes = figure.subplots()
    known = [(place, 100 * wer) for place, wer in enumerate(before) if wer is not None]
    if known:
        places, rates = zip(*known, strict=True)
        axes.errorbar(rates, [place - 0.22 for place in places], **BEFORE.drawn() | {"linestyle": "none"})
    for shift, row, look in ((0.0, "base", BASE), (0.22, "adapted", ADAPTED)):
        shifted = [place + shift for place in range(len(groups))]
        unconnected = look.drawn() | {"linestyle": "none"}  # corpora are no scale: nothing lies between them
        axes.errorbar(_rates(groups, row), shifted, xerr=_arms(groups, row), **unconnected)
    axes.set_yticks(range(len(groups)), [_corpus_label(group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(left=0)
    style_axes(axes, WER_LABEL, grid="x")
    title_of(figure, "Real people as they are, nothing simulated")
    _legend(figure, axes)
    return figure


def write_figures(report: Record, before: Record | None, out: Path) -> None:
    """Both figures as PDF and PNG."""
    for name, figure in scorecard_figures(report, before).items():
        save_figure(figure, out / name)


def scorecard_figures(report: Record, before: Record | None) -> dict[str, Figure]:
    """Both figures by their files' names; that of real people only where they were scored."""
    sets = report["sets"]
    others = [cell for name in ("ood-mixed", "ood-dysphonia") if name in sets for cell in sets[name]["cells"]]
    figures = {"simulated-severity": severity_figure(sets["atypical-commands-known"]["cells"], others)}
    if "people" in sets:
        corpora = _corpora(report)
        earlier = _corpora(before) if before and "people" in before["sets"] else {}
        wers = [earlier[name]["base_wer"] if name in earlier else None for name in corpora]
        figures["real-people"] = people_figure(list(corpora.values()), wers)
    return figures


def _corpora(report: Record) -> dict[str, Record]:
    groups = report["sets"]["people"]["groups"]
    return {group["value"]: group for group in groups if group["by"] == "corpus"}


def _by_cohort(cells: Sequence[Record], title: str) -> dict[str, list[Record]]:
    """Cells under their cohort's title, severities in order."""
    panels: dict[str, list[Record]] = {}
    for cell in sorted(cells, key=lambda cell: SEVERITIES.index(cell["value"].split(", ")[1])):
        panels.setdefault(title.format(cell["value"].split(", ")[0]), []).append(cell)
    return dict(sorted(panels.items()))


def _rates(records: Sequence[Record], row: str) -> list[float]:
    """WER in per cent."""
    return [100 * record[f"{row}_wer"] for record in records]


def _arms(records: Sequence[Record], row: str) -> np.ndarray:  # (2, n_records) per cent
    return error_arms(
        [record[f"{row}_wer"] for record in records], [record[f"{row}_wer_interval"] for record in records]
    )


def _corpus_label(group: Record) -> str:
    speakers = f", {group['n_speakers']} speakers" if group["n_speakers"] else ""
    return f"{group['value']}\n{group['n_utterances']:,} recordings{speakers}"


def _legend(figure: Figure, axes: Axes) -> None:
    """The rows once, and what their bars are."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower left",
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        title=INTERVAL_NOTE,
        title_fontsize=9,
        alignment="left",
        labelcolor=palette.INK,
    )
