"""`python -m hyper corpus`: a corpus of recordings, as it comes, becomes a manifest."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m hyper corpus --list
  python -m hyper corpus torgo corpora/TORGO --out data/torgo.csv
  python -m hyper corpus auto recordings --out recordings/manifest.csv
  python -m hyper corpus talkbank corpora/FluencyBank --cut data/fluencybank --out data/fluencybank.csv
  python -m hyper corpus audiofolder owner/name --download data/name --out data/name.csv

Nothing leaves this machine, and nothing is fetched without --download.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper corpus`."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="which corpus, or auto to go by the layout (default: list them)")
    add("folder", nargs="?", metavar="FOLDER", help="folder of the corpus, unpacked")
    add("--out", type=Path, metavar="MANIFEST.csv", help="manifest to write")
    add("--cut", type=Path, metavar="FOLDER", help="write utterances within longer recordings here, as 16 kHz wav")
    add("--without-text", action="store_true", help="list recordings without a text too")
    add("--download", type=Path, metavar="INTO", help="fetch the data set of the hub called FOLDER into this folder")
    add("--list", action="store_true", help="list the corpora: name, what it is, licence and access, what it gives")
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Write the manifest and say what is in it; without a corpus, list them."""
    from hyper.recordings.corpus_text import convert_corpus, list_corpora

    if args.list or args.name is None:
        print(list_corpora())
    else:
        print(convert_corpus(args.name, args.folder, args.out, args.cut, args.without_text, args.download))
