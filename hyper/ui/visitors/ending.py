"""Being told to end: as by Ctrl-C, so that what visitors sent is deleted."""

from __future__ import annotations

import signal
import types


def end_as_by_ctrl_c() -> None:
    """Being told to end, by a service, a Space or a terminal that is closed, deletes what visitors sent too."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)


def interrupt(_signal: int, _frame: types.FrameType | None) -> None:
    """End once: a second signal must not stop the deleting."""
    for name in ("SIGTERM", "SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise KeyboardInterrupt
