"""`python -m hyper make-map`: map the training speakers' voices and put the map beside the hypernetwork."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr, positive

EXAMPLES = """\
examples:
  python -m hyper make-map --data data/atypical/manifest.csv data/typical/manifest.csv
  python -m hyper make-map --data clinic.csv --base openai/whisper-small --hypernet runs/hypernet-small

Give the recordings that the hypernetwork was trained on. Every fifth speaker stays off the map: the distances of those
say what is far. Names of speakers and recordings are not kept.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper make-map`."""
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, metavar="MANIFEST", help="recordings that name their speakers")
    add(
        "--speakers", type=positive, default=300, metavar="N", help="at most so many, of each kind alike (default: 300)"
    )
    add("--utterances", type=positive, default=4, metavar="N", help="recordings of each speaker, at most (default: 4)")
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Embed, fit, write, say what was written."""
    from hyper.compare.make_map import make_map
    from hyper.compare.voice_map import MAP_FILE
    from hyper.recordings.manifest import read_manifest

    rows = [row for manifest in args.data for row in read_manifest(manifest)]
    asr = load_asr(args)
    voice_map, n_unreadable = make_map(asr, rows, args.speakers, args.utterances)
    assert asr.hypernet_folder is not None  # `make_map` refuses a base alone
    path = asr.hypernet_folder / MAP_FILE
    voice_map.save(path)
    print(
        f"wrote {path} ({path.stat().st_size / 1000:.0f} kB): {len(voice_map.points)} speakers on the map, "
        f"{len(voice_map.held_out_speakers)} held out; left out {n_unreadable} recordings that could not be used"
    )
