"""The corpora, a file each: a new one is a new file here whose `CORPUS` says what it is and how it is read.

Layouts come from public descriptions and public code that reads the corpora, named in each file; nobody has run them
on the corpora themselves here.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from hyper.recordings.corpus import Corpus, CorpusError

_FOUND: list[Corpus] = [
    importlib.import_module(f"{__name__}.{file.name}").CORPUS for file in pkgutil.iter_modules(__path__)
]
CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in _FOUND}


def find_corpus(name: str, folder: Path) -> Corpus:
    """The corpus of that name, or the one that the folder looks like for "auto".

    A corpus goes before a way to list recordings, and anything before a plain folder. Errors: CorpusError where the
    name is not known, or the folder looks like none, or like several.
    """
    if name != "auto":
        if name.lower() not in CORPORA:
            raise CorpusError(f"There is no corpus {name!r} here; choose one of auto, {', '.join(CORPORA)}.")
        return CORPORA[name.lower()]
    found = [corpus for corpus in CORPORA.values() if corpus.recognises(folder)]
    found = [corpus for corpus in found if not corpus.is_format] or found
    if len(found) > 1:
        found = [corpus for corpus in found if corpus.name != "plain"]
    if len(found) > 1:
        names = " or ".join(corpus.name for corpus in found)
        raise CorpusError(f"{folder} could be {names}; please name the one that is meant.")
    if not found:
        layouts = "; ".join(f"{corpus.name}: {corpus.layout}" for corpus in CORPORA.values())
        raise CorpusError(f"{folder} looks like no corpus that is known here; looked for {layouts}.")
    return found[0]
