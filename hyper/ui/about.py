"""What the page says about itself."""

from __future__ import annotations

# Ten bars of one voice; a dashed and a solid line of words come out.
MARK = """<svg class="hw-mark" viewBox="0 0 64 40" aria-hidden="true">
<g stroke="currentColor" stroke-width="3" stroke-linecap="round">
<path d="M3 17v6M10 11v18M17 5v30M24 13v14M31 17v6"/></g>
<path d="M37 20C44 20 44 10 51 10h10" fill="none" stroke="var(--hw-base-on-ink)" stroke-width="3"
stroke-dasharray="4 3"/>
<path d="M37 20C44 20 44 30 51 30h10" fill="none" stroke="var(--hw-adapted-on-ink)" stroke-width="3"/></svg>"""

HEADER = f"""<header class="hw-header"><div class="hw-header-inner">{MARK}
<div><h1>HyperWhisper</h1>
<p>One recording, two transcripts: Whisper as it is, and Whisper tuned to the voice it just heard.</p></div>
<p class="hw-pill">Recordings are deleted when you leave</p></div></header>"""

BUNDLED_NOTE = (
    "A small Whisper of this project's own, made for everyday commands and short phrases in English; expect many "
    "errors in open speech. For open speech, choose a Whisper from the hub and train a hypernetwork for it."
)
OTHER_MODEL_NOTE = (
    "Loaded when you press Compare. If no hypernetwork was trained for it, you get the base transcript; to train one: "
    "<code>{command}</code>"
)
VERBATIM_NOTE = (
    "What was meant is one reference. What was actually said, repetitions and broken-off sounds included, can be a "
    "second; errors are then counted against both."
)
CAUTION = """<footer class="hw-caution"><h2>Please note</h2><ul>
<li><b>Not a medical device.</b> Not intended for the diagnosis, treatment, mitigation or prevention of any disease.
Transcripts can contain words that nobody said; never act on one without checking it.</li>
<li><b>Simulated speech.</b> The bundled hypernetwork learned from typical speech that was made atypical by simulators,
and the examples marked "simulated" were made the same way. How well it serves real patients has not been measured.</li>
<li><b>Recordings</b> stay on the computer that runs this page and are deleted when you replace them or leave, at the
latest after half an hour. On a public server, do not use recordings of patients.</li></ul></footer>"""
