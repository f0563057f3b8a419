"""HyperWhisper: base Whisper and a hypernetwork-adapted Whisper on one recording, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

# What programs use (docs/library.md), and the file that each lies in, imported when it is first asked for.
_PLACES = {
    "PersonalizedAsr": "hyper.compare.pipeline",
    "export_adapter": "hyper.compare.export",
    "load_audio": "hyper.recordings.audio",
    "read_manifest": "hyper.recordings.manifest",
    "score_manifest": "hyper.compare.scoring",
}

if TYPE_CHECKING:
    from hyper.compare.export import export_adapter
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.compare.scoring import score_manifest
    from hyper.recordings.audio import load_audio
    from hyper.recordings.manifest import read_manifest
else:

    def __getattr__(name: str) -> object:
        """What the name stands for; torch is imported only by the first that needs it."""
        from importlib import import_module

        if name not in _PLACES:
            raise AttributeError(f"hyper has no {name!r}; it offers {', '.join(_PLACES)}.")
        return getattr(import_module(_PLACES[name]), name)


__all__ = ["PersonalizedAsr", "export_adapter", "load_audio", "read_manifest", "score_manifest"]
