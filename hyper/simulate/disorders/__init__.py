"""The disorders, a file each: a new one is a new file here whose `DISORDER` says what it is.

The severities follow what the literature describes, never a recogniser's error rate. The literature gives directions
and rough sizes; the exact limits in the files' `RANGES` are our own choice within them, and mild means nearly normal.
"""

from __future__ import annotations

import importlib
import pkgutil

from hyper.simulate.disorder import Disorder

_FOUND: list[Disorder] = [
    importlib.import_module(f"{__name__}.{file.name}").DISORDER for file in pkgutil.iter_modules(__path__)
]
DISORDERS: dict[str, Disorder] = {  # by name, ordered by seed: a new disorder moves none of those that have fixed ones
    disorder.name: disorder for disorder in sorted(_FOUND, key=lambda disorder: disorder.own_seed)
}
