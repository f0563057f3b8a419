"""Sessions over time, folded under Several: tables that were saved at several dates, as one table and a plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from hyper.compare.evaluation import simulated_share
from hyper.plots.sessions import SESSIONS, sessions_figure
from hyper.reports.sessions import AS_TRAINED, Session, read_sessions
from hyper.ui import figures, notices
from hyper.ui.languages import say
from hyper.ui.layout import Values, file_box, fold, note, plot
from hyper.ui.queues import QUIET, SESSIONS_QUEUE
from hyper.ui.tabs.tab import Tab
from hyper.ui.templates import render

if TYPE_CHECKING:
    from hyper.ui.inputs import Inputs
    from hyper.ui.service import Service

KINDS = (".csv", ".xlsx", ".html", ".json")
PLACE = "sessions"  # of the files that the visitor holds here
SESSIONS_TEXT = (
    "Drop the tables or reports that you saved here at several dates (CSV, XLSX or HTML, or the JSON of "
    "`evaluate` or `compare`), one for each session, in the language chosen under Try. The date is read from the "
    "file's name, such as recordings-2030-02-03.csv."
)


class SessionsTab(Tab):
    """Files, their table and plot. The files stay while they stand in the box: others are added to them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        with fold("Compare sessions over time", "hw-sessions", is_card=True):
            note(SESSIONS_TEXT)
            self.files = file_box(
                "Saved tables",
                "hw-session-files",
                file_count="multiple",
                file_types=list(KINDS),
            )
            self.table = gr.HTML("", elem_id="hw-session-table")
            self.plot = plot(SESSIONS.title, "hw-session-plot", visible=False)

    def connect(self, inputs: Inputs) -> None:
        """Files that arrive are compared; files that are taken away take the table with them."""
        compared = self.files.change(
            self.compare,
            [self.files, inputs.language],
            list(self.clear()),
            preprocess=False,
            show_progress_on=self.table,
            api_visibility="private",
            **SESSIONS_QUEUE,
        )
        compared.failure(self.clear, None, list(self.clear()), **QUIET)

    def clear(self) -> Values:
        """No sessions."""
        return {self.table: "", self.plot: gr.update(value=None, visible=False)}

    def compare(self, sent: list[dict[str, Any]] | None, language: str, request: gr.Request) -> Values:
        """The table of all sessions and their plot."""
        files = [(file.get("orig_name") or Path(file["path"]).name, Path(file["path"])) for file in sent or ()]
        self.service.uploads.hold(request.session_hash, PLACE, [str(path) for _, path in files])
        if not files:
            return self.clear()
        with notices.errors_as_notices():
            sessions = read_sessions(files, language)
        return {
            self.table: sessions_html(sessions),
            self.plot: gr.update(value=figures.interactive(sessions_plot(sessions), SESSIONS.title), visible=True),
        }


def sessions_html(sessions: list[Session]) -> str:
    """A line for each session, and how to read the plot below."""
    n_simulated, n = sum(each.n_simulated for each in sessions), sum(each.n_recordings for each in sessions)
    made = [(each, made_of(each)) for each in sessions]
    return render("sessions", sessions=made, caption=SESSIONS, simulated=say(simulated_share(n_simulated, n)))


def made_of(session: Session) -> str:
    """What must be known of a session beside its day: that it is simulated, and another strength than as trained."""
    is_other = session.adapted is not None and session.strength != AS_TRAINED
    strength = say("strength {n}", n=f"{session.strength:g}") if is_other else ""
    simulated = say(simulated_share(session.n_simulated, session.n_recordings))
    return " ".join(filter(None, (simulated, strength)))


def sessions_plot(sessions: list[Session]) -> Any:
    """The rates of both rows."""
    adapted = [session.adapted and session.adapted.wer for session in sessions]
    days = (say(each.label) if each.day else each.label for each in sessions)
    labels = [list(filter(None, (day, made_of(each)))) for day, each in zip(days, sessions, strict=True)]
    return sessions_figure(labels, [each.base.wer for each in sessions], adapted)
