"""The plot of sessions over time: the word error rate of base and adapted in each."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hyper.plots import palette
from hyper.plots.style import WER_LABEL, Caption, styled

SESSIONS = Caption(
    "Errors in each session",
    "Lower is better. Sessions compare only where the same kind of text was read and the same model transcribed it. "
    "A change from session to session says nothing about a person's health or about a treatment.",
)


def sessions_figure(
    labels: Sequence[Sequence[str]],  # of each session the lines below it
    base: Sequence[float | None],  # fractions
    adapted: Sequence[float | None],
) -> go.Figure:
    """A line for each row; marker and dashes tell them apart where there is no colour."""
    figure = go.Figure()
    for name, rates, colour, marker, dash in (
        ("base", base, palette.BASE, "circle-open", "dash"),
        ("adapted", adapted, palette.ADAPTED, "square", "solid"),
    ):
        figure.add_scatter(
            x=list(range(1, len(labels) + 1)),
            y=[None if rate is None else 100 * rate for rate in rates],
            name=name,
            mode="lines+markers",
            cliponaxis=False,  # a rate of 0 lies on the edge: its marker is drawn whole
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 11, "symbol": marker},
            hovertemplate="%{fullData.name}: %{y:.1f} % of the words wrong<extra></extra>",
        )
    figure = styled(figure, "", WER_LABEL).update_layout(margin_r=24)  # a telephone has no more for half a date
    return figure.update_xaxes(
        type="linear",
        range=[0.5, len(labels) + 0.5],
        tickvals=list(range(1, len(labels) + 1)),
        ticktext=["<br>".join(lines) for lines in labels],
        ticklabeloverflow="allow",  # else plotly hides a date that reaches past the plot
    )
