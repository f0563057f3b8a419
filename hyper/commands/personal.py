"""`python -m hyper personal`: whether a recording's own weights help it more than those of others."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_language, add_model_arguments, load_asr

EXAMPLES = """\
examples:
  python -m hyper personal test.csv
  python -m hyper train --generated nothing --data train.csv --out runs/one-lora --run runs/one-run
  python -m hyper personal test.csv --rival runs/one-lora --json personal.json

Each recording is adapted with the weights written for it, for the speaker's other recordings, for other people and for
the mean of all; a rival, such as one LoRA for everybody, stands beside them. Intervals are 95 %, over speakers. Weights
that no recording can be given are left out: of a cohort and severity there may be one person alone.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper personal`."""
    add = parser.add_argument
    add("manifest", type=Path, nargs="+", metavar="MANIFEST.csv", help="recordings with what was meant, and who spoke")
    add("--rival", type=Path, nargs="+", default=[], metavar="FOLDER", help="other hypernetworks for the same base, such as one trained with --generated nothing")  # noqa: E501  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write the numbers here too")
    add_language(parser)
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Score with each kind of weights, print the table."""
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.model.checkpoint import load_hypernet
    from hyper.recordings.manifest import read_manifest
    from hyper.study.personal import personal_table, whose_weights
    from hyper.study.provenance import this_command, write_json

    rows = [row for manifest in args.manifest for row in read_manifest(manifest)]
    asr = load_asr(args)
    rivals = [
        PersonalizedAsr(asr.backbone, load_hypernet(folder, asr.backbone), folder.resolve().name, folder)
        for folder in map(Path.expanduser, args.rival)
    ]
    results = whose_weights(asr, rows, rivals, args.language)
    if args.json:
        simulated = sum(row.simulated for row in rows)
        record = {"command": this_command(), "base_model": asr.base_model, "base_fingerprint": asr.backbone.fingerprint}
        write_json(args.json, record | {"n_simulated": simulated, "weights": [each.to_json() for each in results]})
    print(personal_table(results))
