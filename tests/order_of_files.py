"""Which files of tests come first, and which share one running page: what makes the whole run shorter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

# Of the page that `bundled_page` starts.
ONE_PAGE = (
    "test_browser.py",
    "test_browser_access.py",
    "test_browser_player.py",
    "test_browser_several.py",
    "test_load.py",
)
# The longest first: one that came last would run while the other processes have nothing left to do.
LONGEST = (
    *ONE_PAGE,
    "test_browser_voice.py",
    "test_browser_trust.py",
    "test_browser_stage.py",
    "test_training_runs.py",
    "test_experiments.py",
    "test_killed.py",
    "test_shapes.py",
    "test_privacy.py",
    "test_fuzz.py",
    "test_cli.py",
    "test_clinic_report.py",
    "test_pipeline.py",
    "test_decoding.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The others stay in their order."""
    ranks = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Gives the files that share a page to one process; without this each process would start its own."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Sharing(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "page" if Path(file).name in ONE_PAGE else file

    return Sharing(config, log)
