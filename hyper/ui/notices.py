"""Errors that a visitor can do something about, as notices on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from hyper.compare.export import ExportError
from hyper.compare.scheduler import BusyError
from hyper.compare.speaker import SpeakerError
from hyper.model.checkpoint import CheckpointError
from hyper.model.files import BackboneError
from hyper.model.lora import StrengthError
from hyper.recordings.archive import ArchiveError
from hyper.recordings.limits import AudioError, TableError, TextError
from hyper.recordings.manifest import ManifestError
from hyper.recordings.whole_files import NO_ROOM
from hyper.reports.sessions import SessionError
from hyper.ui.languages import say
from hyper.ui.port import ServerError

NO_RECORDING = "There is no recording yet: record yourself, upload a file or pick an example."
RECORDING_GONE = (
    "The recording is no longer on the server, which keeps nothing for long: please record or upload it again."
)
DISK_FULL = "The disk of this computer is full, so this cannot be made; please tell who runs this page."


@contextmanager
def errors_as_notices() -> Iterator[None]:
    """Show the sentence of a known error on the page; anything else is our own slip and stays loud in the log."""
    try:
        yield
    except AudioError as error:
        raise notice(str(error), "This recording cannot be used") from error
    except (StrengthError, ExportError) as error:
        raise notice(str(error), "No adaptation available") from error
    except (BackboneError, CheckpointError) as error:
        raise notice(str(error), "This model cannot be used") from error
    except ServerError as error:  # while the page was open already
        raise notice(str(error), "HyperWhisper cannot start") from error
    except (ArchiveError, ManifestError, SessionError, TableError) as error:
        raise notice(str(error), "These files cannot be used") from error
    except TextError as error:
        raise notice(str(error), "This text cannot be used") from error
    except BusyError as error:
        raise notice(str(error), "Too many visitors at once") from error
    except SpeakerError as error:
        raise notice(str(error), "These recordings cannot be compared") from error
    except OSError as error:
        if _was_sent(error):
            raise notice(RECORDING_GONE, "Nothing to compare") from None  # its text holds the file's name
        if error.errno not in NO_ROOM:
            raise
        raise notice(DISK_FULL, "No room left") from error


def _was_sent(error: OSError) -> bool:
    """Whether what was not found is a visitor's file, deleted after half an hour or with a page that was closed."""
    folder = Path(get_upload_folder()).resolve()
    return isinstance(error, FileNotFoundError) and Path(str(error.filename)).resolve().is_relative_to(folder)


def check_recordings(paths: Sequence[str]) -> None:
    """A notice where there is none, or where one was deleted meanwhile."""
    if not paths:
        raise notice(NO_RECORDING, "Nothing to compare")
    if not all(Path(path).is_file() for path in paths):
        raise notice(RECORDING_GONE, "Nothing to compare")


def notice(text: str, title: str) -> gr.Error:
    """A notice that stays until it is closed, or until something else is begun.

    Gradio renders its text as HTML, so file names are escaped.
    """
    return gr.Error(escape(say(text), quote=False), duration=None, title=say(title), print_exception=False)
