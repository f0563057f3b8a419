"""The report on many recordings as one HTML page that runs nothing and asks for nothing."""

from __future__ import annotations

import base64
from html import escape

from hyper.plots import palette
from hyper.reports.content import ClinicReport, FigurePart, RecordingPart


def html_text(report: ClinicReport) -> str:
    """The report as one page that needs nothing else; whatever anybody wrote is escaped."""
    head = "".join(f"<th scope='col'>{escape(column)}</th>" for column in report.group_columns)
    lines = "".join(
        f"<tr><th scope='row'>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for first, *cells in report.group_lines
    )
    table = (
        f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
        if report.group_lines
        else ""
    )
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    subject = f'<p class="subject">{escape(report.subject)}</p>' if report.subject else ""
    remarks = f"<h2>Remarks</h2><p class='remarks'>{escape(report.remarks)}</p>" if report.remarks else ""
    failed = "".join(f"<li>{escape(failure)}</li>" for failure in report.failures)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(report.title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(report.title)}</h1>{subject}<p class="date">HyperWhisper, {escape(report.date)}</p>
<aside>{"".join(f"<p>{escape(caution)}</p>" for caution in report.cautions)}</aside>
{remarks}
<h2>Outcome</h2><p class="verdict">{escape(report.verdict)}</p>{table}
{"".join(f'<p class="note">{escape(note)}</p>' for note in report.group_notes)}
{"".join(map(_figure_html, report.figures))}
<h2>Transcripts</h2>{"".join(map(_recording_html, report.recordings))}
{f"<h2>Could not be used</h2><ul>{failed}</ul>" if failed else ""}
<h2>How this was made</h2><dl>{facts}</dl>
</body></html>
"""


STYLE = f"""
body {{ font: 15px/1.45 {palette.FONT}; color: {palette.INK}; max-width: 800px; margin: 32px auto; padding: 0 16px; }}
h1 {{ font-size: 24px; margin: 0; }} h2 {{ font-size: 19px; margin: 28px 0 8px; }} h3 {{ font-size: 15px; margin: 0; }}
.subject {{ font-size: 19px; margin: 4px 0; }} .date, .note, dt, .score {{ color: {palette.MUTED}; }}
.note {{ font-size: 13px; margin: 4px 0; }} .remarks {{ white-space: pre-wrap; }}
p, dd, h3, li, tbody th {{ overflow-wrap: anywhere; }} tbody th {{ min-width: 120px; }} td {{ white-space: nowrap; }}
.wide {{ overflow-x: auto; }}
aside {{ border-left: 4px solid {palette.WARNING}; padding: 2px 14px; margin: 16px 0; }} aside p {{ margin: 6px 0; }}
.verdict {{ font-weight: 700; }} table {{ border-collapse: collapse; font-size: 13px; margin: 12px 0; width: 100%; }}
th, td {{ border-bottom: 1px solid {palette.LINE}; padding: 5px 10px 5px 0; text-align: left; }}
img {{ width: 100%; height: auto; }} figure {{ margin: 20px 0; break-inside: avoid; }}
article {{ border-top: 1px solid {palette.LINE}; padding: 10px 0; break-inside: avoid; }} article p {{ margin: 4px 0; }}
.row b {{ display: inline-block; min-width: 72px; }} .base b {{ color: {palette.BASE}; }}
.adapted b {{ color: {palette.ADAPTED}; }} .mind {{ color: {palette.WARNING}; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; }} dd {{ margin: 0; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 10.5pt; }} @page {{ margin: 16mm; }} }}
"""


def _figure_html(figure: FigurePart) -> str:
    source = base64.b64encode(figure.png).decode()
    return (
        f"<figure><h2>{escape(figure.title)}</h2><p class='note'>{escape(figure.reading)}</p>"
        f'<img alt="{escape(figure.title)}" src="data:image/png;base64,{source}"></figure>'
    )


def _recording_html(recording: RecordingPart) -> str:
    meant = f"<p class='row'><b>Meant</b> {escape(recording.reference)}</p>" if recording.reference else ""
    rows = "".join(
        f"<p class='row {row.name}'><b>{row.name.capitalize()}</b> {escape(row.text) or '(no words)'} "
        f"<span class='score'>{escape(row.score)}</span></p>"
        + (f"<p class='mind'>{row.name.capitalize()}, to mind: {escape(row.mind)}</p>" if row.mind else "")
        for row in recording.rows
    )
    return f"<article><h3>{escape(recording.heading)}</h3>{meant}{rows}</article>"
