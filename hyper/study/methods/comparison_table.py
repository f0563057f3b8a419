"""The table of all methods: WER with intervals on every set, and the hypernetwork beside each rival."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyper.metrics.intervals import Interval, difference_interval, reduction_interval, sum_by_speaker, wer_interval
from hyper.recordings.manifest import ManifestRow, counted_voice
from hyper.study.cells import interval_cell, markdown_table, wer_cell
from hyper.study.methods.method import RATE_STEPS
from hyper.study.methods.runs import MAIN, Result
from hyper.study.methods.scores import Scores, over_seeds
from hyper.study.methods.specs import method_named
from hyper.study.scorecard.bars import Bar

BEST = "hypernet-shared"  # the shipped one's form, in the decoder alone and trained as long as its rivals
WEIGHING = (BEST, "hypernet-encoder", "hypernet-both")  # those that the others can be set beside
RIVALS = (
    "lora-global", "lora-cohort", "lora-speaker", "lora-wide", "adapters", "decoder", "full", "hypernet-linear",
    "hypernet-mlp", "lora-encoder", "lora-encoder-cohort", "lora-both", *WEIGHING,
)  # fmt: skip
CEILING = "full"
AS_BASE = "the base's"  # where a method has nothing for a set
OTHER_DISORDERS = ("ood-mixed", "ood-dysphonia")  # sets of cohorts that no training simulates

Rows = Mapping[str, Sequence[ManifestRow]]  # of each set
Results = Mapping[str, Result]  # by method; "base" for the base


@dataclass(frozen=True)
class _BySpeaker:
    """Counts of each speaker, (n_speakers,) each, added up over the seeds."""

    errors: np.ndarray
    words: np.ndarray


def study_record(results: Results, rows: Rows, n_parameters: int, best: str = BEST) -> dict[str, Any]:
    """methods.json: every method on every set and its cohorts and severities, and the comparisons with the best."""
    return {
        "methods": {name: method_record(name, results, rows, n_parameters) for name in results},
        "comparisons": [
            _comparison(rival, best, name, results, rows) for rival in RIVALS for name in _shared(rival, best, results)
        ],
    }


def method_record(name: str, results: Results, rows: Rows, n_parameters: int) -> dict[str, Any]:
    """What a method is, and its rates beside those of the base on every set that it was scored on."""
    result = results[name]
    return {
        "title": result.method.title if result.method else "base, not adapted",
        "needs_label": bool(result.method and result.method.needs_label),
        "adapted_parameters": result.n_adapted,
        "adapted_share": result.n_adapted / n_parameters,
        "shared_parameters": result.n_shared,
        "shared_share": result.n_shared / n_parameters,
        "trainable_parameters": result.n_trainable,
        "trainable_share": result.n_trainable / n_parameters,
        "training_minutes": result.minutes,
        "updates": result.updates,
        "learning_rate": result.learning_rate,
        "sets": {each: set_record(result.scores[each], _base(results, each), rows[each]) for each in result.scores},
    }


def set_record(scores: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """The whole set, and each cohort and severity in it."""
    record = {"seeds": {str(seed): each.wer for seed, each in scores.items()}, **rates(scores, base, rows)}
    for column in ("cohort", "severity"):
        values = sorted({getattr(row, column) for row in rows})
        for value in values if len(values) > 1 else ():
            record[f"{column}:{value}"] = rates(*part_of(scores, base, rows, column, value))
    return record


def part_of(
    scores: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow], column: str, value: str
) -> tuple[dict[int, Scores], Scores, list[ManifestRow]]:
    """Scores, those of the base, and rows of the recordings whose column has the value."""
    part = {seed: _part(each, rows, column, value) for seed, each in scores.items()}
    return part, _part(base, rows, column, value), [row for row in rows if getattr(row, column) == value]


def _part(scores: Scores, rows: Sequence[ManifestRow], column: str, value: str) -> Scores:
    return scores.chosen(rows, lambda row: getattr(row, column) == value)


def rates(scores: Mapping[int, Scores], base: Scores, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """WER, its reduction from the base and the share of loops, with intervals over the speakers."""
    own, before = _by_speaker(scores, rows), _by_speaker(dict.fromkeys(scores, base), rows)
    base_errors = before.errors.sum()
    return {
        "wer": float(own.errors.sum() / own.words.sum()),
        "wer_interval": _json(wer_interval(own.errors, own.words)),
        "relative_reduction": float(1 - own.errors.sum() / base_errors) if base_errors else None,
        "relative_reduction_interval": _json(reduction_interval(before.errors, own.errors)),
        "loop_share": float(over_seeds(scores).loops.mean() / len(scores)),
    }


def _comparison(rival: str, best: str, set_name: str, results: Results, rows: Rows) -> dict[str, Any]:
    """WER of the rival minus that of the hypernetwork on the same speakers: above 0 the hypernetwork is better."""
    other, own = (results[name].scores[set_name] for name in (rival, best))
    return {"rival": rival, "set": set_name, **wer_difference(other, own, rows[set_name])}


def wer_difference(
    rival: Mapping[int, Scores], own: Mapping[int, Scores], rows: Sequence[ManifestRow]
) -> dict[str, Any]:
    """WER of the rival minus one's own on the same speakers, paired, and whether one's own is better or worse.

    The interval knows nothing of seeds: where one of them says otherwise, neither is called better.
    """
    best, other = _by_speaker(own, rows), _by_speaker(rival, rows)
    # With unequal numbers of seeds the counts are brought to the same number of words, which is exact: the words of a
    # set are the same in every seed.
    factor = int(best.words.sum()), int(other.words.sum())
    common = np.lcm(*factor)
    a, b = common // factor[0], common // factor[1]
    interval = difference_interval(b * other.errors, a * best.errors, a * best.words)
    by_seed = {str(seed): rival[seed].wer - own[seed].wer for seed in sorted(rival.keys() & own.keys())}
    return {
        "difference": float(other.errors.sum() / other.words.sum() - best.errors.sum() / best.words.sum()),
        "interval": _json(interval),
        "by_seed": by_seed,
        "own_is": _verdict(_json(interval), by_seed),
    }


def _verdict(ends: Sequence[float] | None, by_seed: Mapping[str, float]) -> str:
    """What it says of one's own WER: "not clear" where the interval holds 0, or seeds differ."""
    low, high = ends or (0.0, 0.0)
    if low > 0 and all(each > 0 for each in by_seed.values()):
        return "better"
    return "worse" if high < 0 and all(each < 0 for each in by_seed.values()) else "not clear"


def share_of_ceiling(results: Results, set_name: str) -> float | None:
    """The hypernetwork's gain over the base as a share of what full fine-tuning gains."""
    if BEST not in results or CEILING not in results:
        return None
    base, best, ceiling = (over_seeds(results[name].scores[set_name]).wer for name in ("base", BEST, CEILING))
    return (base - best) / (base - ceiling) if base != ceiling else None


def _shared(rival: str, best: str, results: Results) -> list[str]:
    """Sets on which both were scored."""
    if rival == best or not {rival, best} <= results.keys():
        return []
    return [name for name in results[best].scores if name in results[rival].scores]


def _by_speaker(scores: Mapping[int, Scores], rows: Sequence[ManifestRow]) -> _BySpeaker:
    added = over_seeds(scores)
    counts = np.stack([added.errors, added.words], axis=1)
    errors, words = sum_by_speaker([counted_voice(row) for row in rows], counts).T
    return _BySpeaker(errors, words)


def _base(results: Results, set_name: str) -> Scores:
    return results["base"].scores[set_name][0]


def _json(interval: Interval | None) -> list[float] | None:
    return interval and interval.to_json()


def study_page(record: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """methods.md: the table, then the comparisons; every set of simulated speech says so in its title."""
    methods = record["methods"]
    sets = list(methods["base"]["sets"])
    header = ["method", "adapted an utterance", "beside it learned for all", "trainable", "label needed", "minutes"]
    lines = []
    for each, method in methods.items():
        shared = f"{method['shared_share']:.2%}" if method["shared_parameters"] else "–"
        cells = [method["title"], f"{method['adapted_share']:.3%}", shared, f"{method['trainable_share']:.2%}"]
        cells += ["yes" if method["needs_label"] else "no", f"{method['training_minutes']:.1f}", str(method["updates"])]
        lines.append(
            [
                *cells,
                *(AS_BASE if _as_base(record, each, name) else wer_cell(method["sets"].get(name)) for name in sets),
            ]
        )
    beside = []
    for each in record["comparisons"]:
        if not _as_base(record, each["rival"], each["set"]):
            cells = [methods[each["rival"]]["title"], titles[each["set"]], f"{100 * each['difference']:.1f}"]
            seeds = each.get("by_seed", {})
            cells += [interval_cell(each["interval"]), ", ".join(f"{100 * one:.1f}" for one in seeds.values()) or "–"]
            beside.append([*cells, _verdict(each["interval"], seeds)])
    whole = markdown_table([*header, "updates", *(titles[name] for name in sets)], lines)
    columns = [
        "weighing hypernetwork beside",
        "set",
        "WER points less",
        "95 % interval",
        "seed by seed",
        "hypernetwork is",
    ]
    return "\n\n".join([whole, *_rates_at_an_edge(record), markdown_table(columns, beside)]) + "\n"


def _as_base(record: Mapping[str, Any], name: str, set_name: str) -> bool:
    """Whether a method that needs a label has nothing for any recording of the set, so that the base was counted."""
    method, base = record["methods"][name], record["methods"]["base"]["sets"].get(set_name)
    own = method["sets"].get(set_name)
    return bool(method["needs_label"] and base and own and own["wer"] == base["wer"] and not own["relative_reduction"])


def _rates_at_an_edge(record: Mapping[str, Any]) -> list[str]:
    """Whose learning rate was the highest or the lowest of those tried: a better one may lie beyond."""
    found: dict[str, list[str]] = {"highest": [], "lowest": []}
    for name, method in record["methods"].items():
        spec = None if name == "base" else method_named(name)
        times = method["learning_rate"] / spec.learning_rate if spec and spec.learning_rate else 1.0
        if math.isclose(times, RATE_STEPS[-1], rel_tol=0.01):
            found["highest"].append(method["title"])
        elif math.isclose(times, RATE_STEPS[0], rel_tol=0.01):
            found["lowest"].append(method["title"])
    said = [f"the {which} for {'; '.join(titles)}" for which, titles in found.items() if titles]
    return (
        [f"Of the three learning rates tried the best was {', and '.join(said)}: a better one may lie beyond."]
        if said
        else []
    )


def study_bars(results: Results, record: Mapping[str, Any]) -> list[Bar]:
    """What the hypernetwork promises beside its rivals."""
    bars = []
    known = {(each["rival"], each["set"]): each for each in record["comparisons"]}
    for rival in ("lora-global", "lora-cohort"):
        for name in (name for name in (MAIN, "atypical-commands-unheard") if (rival, name) in known):
            low = (known[rival, name]["interval"] or [None])[0]
            bars.append(Bar(f"WER of {rival} minus the hypernetwork's, lower end, {name}", low, ">=", 0.0))
        for name in (name for name in OTHER_DISORDERS if (rival, name) in known and (rival, MAIN) in known):
            gap, on_main = (known[rival, each]["difference"] for each in (name, MAIN))
            promise = f"WER of {rival} minus the hypernetwork's, {name}, at least the main set's"
            bars.append(Bar(promise, gap, ">=", on_main))
    if CEILING in results and BEST in results and MAIN in results[BEST].scores:
        share = share_of_ceiling(results, MAIN)
        bars.append(Bar("share of the gain of full fine-tuning, main set", share, ">=", 0.85))
    return bars
