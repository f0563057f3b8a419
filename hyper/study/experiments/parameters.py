"""Experiment `parameters`: whether the matrices that training turns most are the best ones to adapt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from hyper.metrics.intervals import bootstrap_speakers, sum_by_speaker
from hyper.model.backbone import TARGETS
from hyper.model.subspace import LayerUpdate, dense_update, layer_update, turn_deg
from hyper.plots.experiments import scatter_figure
from hyper.recordings.manifest import ManifestRow
from hyper.study.experiments.arms import FULL, ONE_LORA, STANDARD, alone, lora_arm
from hyper.study.experiments.probes import rank_correlation
from hyper.study.experiments.prose import between, difference_words, mended, rates, reduction_cell, side_of, table
from hyper.study.experiments.workbench import Bench, Experiment, Record
from hyper.study.methods.comparison_table import wer_difference
from hyper.study.methods.runs import MAIN
from hyper.study.methods.scores import Scores, over_seeds
from hyper.study.methods.specs import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EVERYWHERE = lora_arm("lora-everything", "one LoRA in every matrix, rank 1", tuple(TARGETS))
KINDS = {"hypernetwork": "generated", "lora": "one LoRA"}  # ways to adapt one kind of matrix alone, by name
TITLES = {STANDARD.name: "hypernetwork, decoder fc1", ONE_LORA.name: "LoRA, decoder fc1"}


def _run(bench: Bench) -> Record:
    arms = {target: dict(zip(KINDS, alone(target), strict=True)) for target in TARGETS}
    results = bench.run([FULL, EVERYWHERE, *(method for both in arms.values() for method in both.values())])
    rows, base = bench.sets[MAIN], bench.base.scores[MAIN][0]
    turns = {"full": _turns(bench, FULL), "lora-everything": _turns(bench, EVERYWHERE)}
    findings: Record = {"turns": turns, "arms": {}, "correlations": {}, "picked": {}}
    for kind in KINDS:
        scores = {target: results[arms[target][kind].name].scores[MAIN] for target in TARGETS}
        findings["arms"][kind] = {target: arms[target][kind].name for target in TARGETS}
        for source, by_target in turns.items():
            magnitude = [by_target[target]["turn_deg"] for target in TARGETS]
            findings["correlations"][f"{source}, {kind}"] = correlation(magnitude, base, list(scores.values()), rows)
            findings["picked"][f"{source}, {kind}"] = picked(by_target, scores, rows)
    return {"arms": bench.arms(results, TITLES), "findings": findings}


def _turns(bench: Bench, method: Method) -> Record:
    """For each kind of matrix how far the training moved it, mean over layers and seeds; and each layer."""
    backbone = bench.workshop.backbone
    found: Record = {}
    for target in TARGETS:
        sites = backbone.sites((target,))
        found[target] = {"layers": [[] for _ in sites], "sizes": [[] for _ in sites]}
    for seed in bench.seeds:
        trained = bench.trained(method, seed).asr.backbone
        for target in TARGETS:
            for i, site in enumerate(backbone.sites((target,))):
                weight = backbone.site_weight(site)
                update = trained_update(trained.layer(site), weight, site.name)
                found[target]["layers"][i].append(turn_deg(update, weight))
                found[target]["sizes"][i].append(update.relative_frobenius)
    for own in found.values():
        own["layers"], own["sizes"] = ([float(np.mean(each)) for each in own[name]] for name in ("layers", "sizes"))
        own["turn_deg"], own["relative_size"] = float(np.mean(own["layers"])), float(np.mean(own["sizes"]))
    return found


def trained_update(layer: nn.Module, weight: Tensor, name: str) -> LayerUpdate:
    """What training made of a matrix, whether its own weights moved or a LoRA of PEFT's lies beside them."""
    if hasattr(layer, "lora_A"):
        a, b = (getattr(layer, which)["default"].weight for which in ("lora_A", "lora_B"))
        return layer_update(weight, a, b, layer.scaling["default"], name)
    return dense_update(weight, layer.weight, name)


def correlation(
    magnitude: Sequence[float], base: Scores, adapted: Sequence[Mapping[int, Scores]], rows: Sequence[ManifestRow]
) -> Record:
    """Rank correlation over the kinds of matrices between how far they turned and what adapting them alone gains.

    The interval draws speakers anew, which moves the gains; the angles stay.
    """
    n_seeds = len(adapted[0])
    errors = [base.errors * n_seeds, *(over_seeds(scores).errors for scores in adapted)]
    counts = sum_by_speaker([row.speaker for row in rows], np.stack(errors, axis=1))

    def by_rank(pooled: np.ndarray) -> np.ndarray:  # (n_draws, 1 + n_targets)
        gains = pooled[:, :1] - pooled[:, 1:]
        return rank_correlation(np.broadcast_to(magnitude, gains.shape), gains)

    (value,) = by_rank(counts.sum(axis=0)[None])
    interval = bootstrap_speakers(counts, by_rank)
    return {"value": float(value) if np.isfinite(value) else None, "interval": interval and interval.to_json()}


def picked(
    turns: Mapping[str, Record], scores: Mapping[str, Mapping[int, Scores]], rows: Sequence[ManifestRow]
) -> Record:
    """The kind that turned most, the kind that gains most, and what picking the first instead of the second costs."""
    largest = max(turns, key=lambda target: turns[target]["turn_deg"])
    best = min(scores, key=lambda target: over_seeds(scores[target]).errors.sum())
    return {"largest": largest, "best": best, "cost": wer_difference(scores[largest], scores[best], rows)}


def _answer(record: Record) -> str:
    found = record["findings"]
    key = "full, hypernetwork"
    choice, link = found["picked"][key], found["correlations"][key]
    names = found["arms"]["hypernetwork"]
    gain = mended(rates(record, names[choice["best"]]))
    if choice["largest"] == choice["best"]:
        first = (
            f"Full fine-tuning turns {name_of(choice['largest'])} most, and adapting it alone gains most too, with "
            f"{gain}."
        )
    else:
        cost = "costs" if side_of(choice["cost"]["interval"]) else "costs nothing clear,"
        first = (
            f"Full fine-tuning turns {name_of(choice['largest'])} most, but adapting {name_of(choice['best'])} alone "
            f"gains most, with {gain}; picking by the angle {cost} {difference_words(choice['cost'])}."
        )
    if link["value"] is None:
        return f"{first} The kinds of matrices do not differ enough for a rank correlation."
    verdict = {
        1: "the further a matrix turns, the more adapting it gains",
        -1: "the further a matrix turns, the less adapting it gains",
        0: "how far a matrix turns does not clearly foretell what adapting it gains",
    }[side_of(link["interval"])]
    return (
        f"{first} Over the {len(names)} kinds of matrices {verdict} (rank correlation {link['value']:.2f} "
        f"{between(link['interval'], 1, 2)})."
    )


def name_of(target: str) -> str:
    """As "W1 of the decoder" or "Wq of the decoder's cross-attention"."""
    stack, layer = target.split(".")
    if layer in ("fc1", "fc2"):
        return f"W{layer[-1]} of the {stack}"
    which = layer.removeprefix("cross_").removesuffix("_proj")[0]  # q, k, v, o
    return f"W{which} of the {stack}'s {'cross' if layer.startswith('cross_') else 'self'}-attention"


def _setup(record: Record) -> str:
    return (
        "All weights are fine-tuned, and one LoRA of rank 1 is trained in every matrix; for each kind of matrix the "
        "principal angles between its subspaces before and after are taken as one angle, the root mean square over "
        "all dimensions, and averaged over layers and seeds. Then each kind is adapted alone at rank 1, by a "
        "hypernetwork and by one LoRA for all, with the learning rates that were tried for W1."
    )


def _table(record: Record) -> str:
    found = record["findings"]
    header = ["kind of matrix", "turned by full fine-tuning, °", "by LoRA everywhere, °", "size of the change, full"]
    header += ["less WER, hypernetwork alone", "less WER, LoRA alone"]
    lines = []
    for target, own in found["turns"]["full"].items():
        cells = [target, f"{own['turn_deg']:.3f}", f"{found['turns']['lora-everything'][target]['turn_deg']:.3f}"]
        cells.append(f"{100 * own['relative_size']:.2f} %")
        lines.append([*cells, *(reduction_cell(rates(record, found["arms"][kind][target])) for kind in KINDS)])
    links = [
        [key, "–" if each["value"] is None else f"{each['value']:.2f}", between(each["interval"], 1, 2)]
        for key, each in found["correlations"].items()
    ]
    return table(header, lines) + "\n\n" + table(["angle from, gain by", "rank correlation", "95 % interval"], links)


def _figure(record: Record) -> Figure:
    found = record["findings"]
    panels = {
        f"adapted alone by {'a hypernetwork' if kind == 'hypernetwork' else 'one LoRA for all'}": [
            (target, found["turns"]["full"][target]["turn_deg"], rates(record, name)) for target, name in names.items()
        ]
        for kind, names in found["arms"].items()
    }
    return scatter_figure(panels, "angle turned by full fine-tuning, °")


EXPERIMENT = Experiment(
    name="parameters",
    title="Which parameters matter",
    question="Are the matrices that training turns most, by principal angles, the best ones to adapt?",
    sets=(MAIN,),
    run=_run,
    setup=_setup,
    table=_table,
    answer=_answer,
    figure=_figure,
    would_change=(
        "Another definition of the angle, since the paper's is not known here and square matrices have no smaller "
        "subspace of their own; a learning rate tried for each kind; full fine-tuning for longer."
    ),
)
