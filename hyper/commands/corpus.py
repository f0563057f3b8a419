"""`python -m hyper corpus`: a corpus of recordings, as it comes, becomes a manifest."""

from __future__ import annotations

import argparse
import itertools
import textwrap
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper.recordings.corpus import Corpus
    from hyper.recordings.corpus_manifest import Converted

COLUMNS = (14, 32, 42, 32)  # characters

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
    from hyper.recordings.corpora import CORPORA, find_corpus
    from hyper.recordings.corpus import CorpusError
    from hyper.recordings.corpus_manifest import convert

    if args.list or args.name is None:
        print(_table(list(CORPORA.values())))
        return
    if args.folder is None or args.out is None:
        raise CorpusError("Please name the folder of the corpus, and the manifest to write with --out.")
    folder = _folder(args)
    corpus = find_corpus(args.name, folder)
    converted = convert(corpus, folder, args.out, args.cut, args.without_text)
    print(_summary(corpus, converted))
    print(f"wrote {args.out}")


def _folder(args: argparse.Namespace) -> Path:
    """The folder of the corpus, fetched from the hub if that was asked for."""
    from hyper.recordings.corpora.audiofolder import download
    from hyper.recordings.corpus import CorpusError

    if args.download:
        if args.name != "audiofolder":
            raise CorpusError("--download fetches a data set of the hub, which is an audiofolder.")
        download(args.folder, args.download)
        return args.download
    if not Path(args.folder).is_dir():
        raise CorpusError(f"There is no folder {args.folder}; a data set of the hub is fetched only with --download.")
    return Path(args.folder)


def _table(corpora: list[Corpus]) -> str:
    """A corpus a paragraph, in columns that fit a terminal."""
    cells = [("name", "what it is", "licence; access and consent", "what it gives")]
    cells += [
        (each.name, each.title, "; ".join(filter(None, (each.licence, each.consent))), each.fields) for each in corpora
    ]
    lines = []
    for row in cells:
        columns = [textwrap.wrap(cell, width - 2) for cell, width in zip(row, COLUMNS, strict=True)]
        for parts in itertools.zip_longest(*columns, fillvalue=""):
            lines.append("".join(map(str.ljust, parts, COLUMNS)).rstrip())
    return "\n".join(lines)


def _summary(corpus: Corpus, converted: Converted) -> str:
    from hyper.recordings.corpus_manifest import reasons

    groups: dict[str, list[str]] = defaultdict(list)
    for row in converted.rows:
        groups[row.cohort or "(no cohort)"].append(row.speaker)
    speakers = {row.speaker for row in converted.rows} - {""}
    hours = "length not measured" if converted.seconds is None else f"{converted.seconds / 3600:.2f} h"
    lines = [
        f"{corpus.name}: {corpus.title}",
        f"{_counted(len(converted.rows), 'recording')}, {_counted(len(speakers), 'named speaker')}, {hours}",
        *(
            f"  {name}: {_counted(len(own), 'recording')} of {_counted(len({*own} - {''}), 'speaker')}"
            for name, own in sorted(groups.items())
        ),
        *([f"left out: {reasons(converted.left_out)}"] if converted.left_out else []),
        f"licence: {corpus.licence or 'not said by the list'}",
        f"consent: {corpus.consent}",
    ]
    return "\n".join(lines)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)
