"""What the start of the page waits for, and what it does not."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest
from served import ROOT

from hyper.ui.kept import kept

# Each takes a tenth of a second or more, and is needed when a figure is drawn, or in the first comparison.
SLOW = "matplotlib.figure plotly.subplots scipy.linalg scipy.ndimage scipy.fft librosa.core fpdf openpyxl sklearn"


def test_the_page_starts_without_what_only_figures_and_reports_need():
    code = f"import sys, hyper.ui.server; print(*(sys.modules.keys() & {SLOW.split()}))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_what_the_page_is_made_of_is_not_looked_through_for_garbage():
    before = gc.get_freeze_count()
    try:
        with pytest.raises(ValueError, match="no model"), kept():
            assert not gc.isenabled()
            made = [[] for _ in range(1000)]
            raise ValueError("no model")
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(made)
    finally:
        gc.unfreeze()
