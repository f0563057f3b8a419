"""Steps that run in the page itself, as JavaScript: without a question to the server nothing can come late."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hyper.model.files import ASSETS
from hyper.recordings.matching import AUDIO_ENDINGS

MEND_ACCESS = (ASSETS / "access.js").read_text(encoding="utf-8")

# An error stays until it is closed or until something else is begun: it is of what was asked before.
_CLOSE_ERRORS = "document.querySelectorAll('.toast-body.error [data-testid=toast-close]').forEach(each => each.click())"
_CLOSE_ERRORS += ", document.querySelector('.hw-lost')?.remove()"  # nor is this one of what is begun
WATCH_ERRORS = f"""() => {{
  const buttons = "#hw-begin button, #hw-reading-buttons button, #hw-compare, #hw-recount";
  const begins = `${{buttons}}, .hw-example, .hw-go, .hw-offer`;
  document.addEventListener("click", ({{target}}) => {{ if (target.closest(begins)) {_CLOSE_ERRORS}; }}, true);
  document.addEventListener("change", ({{target}}) => {{ if (target.type === "file") {_CLOSE_ERRORS}; }}, true);
  document.addEventListener("drop", () => {_CLOSE_ERRORS}, true);
}}"""
# There is nothing to compare again until something else is begun.
TELL_UNUSABLE = "() => { document.getElementById('hw-results').dataset.unusable = 'yes'; }"
# No further than needed: where the result is in view already, nothing moves under the hand.
SHOW_RESULTS = f"""() => {{
  delete document.getElementById('hw-results')?.dataset.unusable;
  {_CLOSE_ERRORS};
  document.getElementById('hw-result').scrollIntoView({{
    block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'
  }});
}}"""
# On a phone the buttons lie far below the phrase: another one would come out of sight.
SHOW_PHRASE = "() => document.getElementById('hw-reading-phrase').scrollIntoView({block: 'nearest'})"
COMPARE = "() => document.getElementById('hw-compare').click()"
# On a phone the button lies below the list, and what becomes of the run below the button.
TRANSCRIBE_ALL = """() => {
  document.getElementById('hw-run').click();
  document.getElementById('hw-run-row').scrollIntoView({block: 'nearest'});
}"""
PLAY = "() => { document.getElementById('hw-results').dataset.play = 'yes'; }"  # the player does, with the result
# The recorder's own controls, as soon as they are there.
_PRESS = """const press = (selectors, tries = 30) => {
    const found = document.querySelector(selectors[0]);
    if (!found && tries) return setTimeout(press, 100, selectors, tries - 1);
    found?.click();
    if (selectors.length > 1) setTimeout(press, 100, selectors.slice(1));
  };"""
BEGIN_UPLOAD = f"""() => {{
  {_PRESS}
  setTimeout(press, 100, ["#hw-recording [data-name='Upload file']", "#hw-recording input[type=file]"]);
  return [null, "", "", ""];
}}"""
# From the first letter of another reference until its numbers are there, none are shown. Gradio's own event leaves out
# the first letter that is typed into a text which the page has filled in.
RECOUNT_PAUSE_MS = 250  # between two letters
WATCH_REFERENCE = f"""() => {{
  document.addEventListener("input", (event) => {{
    const text = event.target.closest("#hw-reference, #hw-verbatim");
    if (!text) return;
    delete text.dataset.former;
    const results = document.getElementById("hw-results");
    results.classList.add("hw-recounting");
    clearTimeout(results.hwRecount);
    results.hwRecount = setTimeout(() => document.getElementById("hw-recount").click(), {RECOUNT_PAUSE_MS});
  }});
}}"""
SHOW_COUNTS = "() => document.getElementById('hw-results').classList.remove('hw-recounting')"
# An example that is left before its result came must not have the next recording played; and a count that is still to
# be asked for would bring back the recording before.
END_WHAT_RUNS = """() => {
  const results = document.getElementById('hw-results');
  clearTimeout(results.hwRecount);
  results.classList.remove('hw-recounting');
  delete results.dataset.play;
  delete results.dataset.unusable;
}"""
# A line on the plot of the sound where the player is. Plotly tells where its axis is drawn, zoomed or not; another
# recording's player has another length.
FOLLOW_PLAYER = """() => {
  const line = document.createElement("div");
  line.className = "hw-playhead";
  let frame;
  const draw = (audio) => {
    cancelAnimationFrame(frame);
    const plot = document.querySelector("#hw-sound-plot .js-plotly-plot"), axis = plot?._fullLayout?.xaxis;
    if (!axis || !(Math.abs(audio.duration - plot.layout.meta.seconds) < 0.2)) return line.remove();
    if (line.parentNode !== plot) {
      plot.append(line);
      plot.on("plotly_relayout", () => draw(audio));
    }
    const x = axis.l2p(audio.currentTime);
    line.hidden = x < 0 || x > axis._length;
    line.style.left = `${axis._offset + x}px`;
    if (!audio.paused) frame = requestAnimationFrame(() => draw(audio));
  };
  for (const event of ["play", "pause", "seeked"]) document.addEventListener(event, (e) => draw(e.target), true);
}"""
# Browsers take an mp4 for a film, and gradio's recorder takes what browsers call sound: so a recording is called sound,
# before gradio asks, by the ending of its name. The server looks into the file.
TAKE_RECORDINGS = f"""() => {{
  const endings = {json.dumps(sorted(AUDIO_ENDINGS))}, box = ".hw-recorder", input = `${{box}} input[type=file]`;
  const asSound = file => {{
    const ending = endings.find(each => file.name.toLowerCase().endsWith(each));
    if (!ending || file.type.startsWith("audio/")) return file;
    return new File([file], file.name, {{type: `audio/${{ending.slice(1)}}`}});
  }};
  const allAsSound = files => {{
    const held = new DataTransfer();
    for (const file of files) held.items.add(asSound(file));
    return held;
  }};
  document.addEventListener("click", ({{target}}) => {{
    if (target.matches(input)) target.accept = ["audio/*", ...endings].join();
  }}, true);
  document.addEventListener("change", ({{target}}) => {{
    if (target.matches(input)) target.files = allAsSound(target.files).files;
  }}, true);
  document.addEventListener("drop", event => {{
    if (!event.target.closest(box) || !event.dataTransfer) return;
    Object.defineProperty(event, "dataTransfer", {{value: allAsSound(event.dataTransfer.files)}});
  }}, true);
}}"""
PRESS_EXAMPLE = """element.addEventListener("click", (event) => {
  const card = event.target.closest("[data-example]");
  if (card) trigger("click", {example: Number(card.dataset.example)});
});"""
PRESS_OFFER = """element.addEventListener("click", (event) => {
  if (event.target.closest(".hw-offer")) trigger("click", {});
});"""
# Says of the microphone what cannot be done with it, and stays silent where it can be used or nobody knows.
FIND_MICROPHONE = """const say = which =>
  element.querySelectorAll("[data-case]").forEach(text => { text.hidden = text.dataset.case !== which; });
const permission = async () => {
  try {
    return await navigator.permissions.query({name: "microphone"});
  } catch {
    return null;  // older browsers cannot be asked
  }
};
const look = async () => {
  if (!navigator.mediaDevices) return say("insecure");
  const devices = await navigator.mediaDevices.enumerateDevices();
  if (!devices.some(device => device.kind === "audioinput")) return say("none");
  const asked = await permission();
  if (asked) asked.onchange = look;
  say(asked?.state === "denied" ? "refused" : "");
};
navigator.mediaDevices?.addEventListener("devicechange", look);
look();"""
PRESS_PRINT = """element.addEventListener("click", (event) => {
  const kind = event.target.closest("[data-print]")?.dataset.print;
  if (kind) trigger("click", {kind});
});"""
SAVE_LINK = "html => document.createRange().createContextualFragment(html).querySelector('a').click()"
SAVE_FILE = "() => setTimeout(() => document.getElementById('%s').click(), 100)"  # once the button has its new file
# The buttons of views that are no modes are hidden in the bar, and pressed from elsewhere.
_PRESS_TAB = "document.querySelector(`#hw-tabs [data-tab-id='${view}']`).click()"
OPEN_VIEWS = f"""element.addEventListener("click", (event) => {{
  const view = event.target.closest("[data-view]")?.dataset.view;
  if (view) {_PRESS_TAB};
}});"""
# Each mode or view that is opened is a step of the browser's history, with the same address: Back closes it again and
# leaves what is on the page. A step of somebody else's, as to a place on the page, names no view and changes none.
# So is gradio's list of endpoints, which gradio itself writes over the step of the page. Asked for by address it opens
# only when its link is pressed twice: gradio takes it for open already, without having loaded it.
KEEP_HISTORY = """() => {
  const tabs = "#hw-tabs [data-tab-id]", pressApi = () => document.querySelector("footer .show-api")?.click();
  const isApi = address => new URL(address, location).searchParams.get("view") === "api";
  const keep = (how, view) => history[how]({...history.state, hwView: view}, "");
  const [replace, push] = [history.replaceState.bind(history), history.pushState.bind(history)];
  let isBack = false, now = document.querySelector(`${tabs}[aria-selected=true]`)?.dataset.tabId;
  history.replaceState = (state, unused, address) => {
    if (state !== null) return replace(state, unused, address);
    if (isApi(address)) return (isApi(location) ? replace : push)(history.state, "", address);
    if (isApi(location)) history.back();
  };
  keep("replaceState", now);
  if (isApi(location)) {
    const plain = new URL(location);
    plain.searchParams.delete("view");
    replace(history.state, "", plain);
    pressApi();
    pressApi();
  }
  document.addEventListener("click", ({target}) => {
    const view = target.closest(tabs)?.dataset.tabId;
    if (!view || view === now) return;
    now = view;
    if (!isBack) keep("pushState", view);
  });
  addEventListener("popstate", ({state}) => {
    isBack = true;
    if (state?.hwView) document.querySelector(`#hw-tabs [data-tab-id='${state.hwView}']`)?.click();
    if (isApi(location) !== Boolean(document.querySelector(".api-docs"))) pressApi();
    isBack = false;
  });
}"""
# As gradio does it where the address says which: the class by which all colours follow. The address keeps the choice.
SWITCH_THEME = """element.addEventListener("click", () => {
  const isDark = document.body.classList.toggle("dark"), address = new URL(location);
  address.searchParams.set("__theme", isDark ? "dark" : "light");
  history.replaceState(history.state, "", address);
});"""
OPEN_AND_COMPARE = """() => {
  document.querySelector('#hw-tabs [role=tab]').click();
  document.getElementById('hw-compare').click();
}"""


def begin_recording(phrases: Sequence[str]) -> str:
    """Empties the recorder, brings it into sight and starts it; a reference stays where it is a phrase to read."""
    return f"""(reference) => {{
  const top = document.getElementById("hw-tabs");
  if (top.getBoundingClientRect().top < 0) top.scrollIntoView();
  {_PRESS}
  setTimeout(press, 100, ["#hw-recording [data-name='Record audio']", "#hw-recording .record-button"]);
  return [null, {json.dumps(phrases)}.includes(reference) ? reference : "", "", ""];
}}"""


# When a recording is taken out, its texts stay: the same may be recorded again. Each keeps in mind whose it is until
# somebody types in it; see `WATCH_REFERENCE`.
REMEMBER_WHOSE = """() => {
  for (const text of document.querySelectorAll("#hw-reference, #hw-verbatim")) text.dataset.former = "yes";
}"""


def texts_of_upload(phrases: Sequence[str]) -> str:
    """Reference and verbatim text of what is uploaded: neither a phrase to read nor a former recording's text."""
    return f"""(reference, verbatim) => {{
  const ofFormer = (id) => document.getElementById(id)?.dataset.former;
  const isPhrase = {json.dumps(phrases)}.includes(reference);
  const texts = [isPhrase || ofFormer("hw-reference") ? "" : reference, ofFormer("hw-verbatim") ? "" : verbatim];
  for (const id of ["hw-reference", "hw-verbatim"]) delete document.getElementById(id)?.dataset.former;
  return texts;
}}"""


def open_view(view: str) -> str:
    """Opens a view of the page, from its top."""
    return f"""() => {{
  const view = {json.dumps(view)};
  {_PRESS_TAB};
  document.getElementById("hw-tabs").scrollIntoView();
  // The button that was pressed is out of sight now: the focus goes where the eyes are, once gradio has drawn it.
  const focus = (tries = 40) => {{
    const panel = document.getElementById(`hw-tab-${{view}}`);
    if (panel?.checkVisibility()) {{
      panel.tabIndex = -1;
      panel.focus({{preventScroll: true}});
    }}
    if (tries && document.activeElement !== panel) setTimeout(focus, 50, tries - 1);
  }};
  focus();
}}"""


def sets(*values: object) -> str:
    """Gives each output its value or update. Old results cleared by the server could take new ones with them, where
    the answer comes after a quick press of the button."""
    return f"() => {json.dumps(values)}"


# Where the page is not served over https, browsers give no clipboard: there the text is selected and copied as of old.
COPY_TEXT = """element.addEventListener('click', async event => {
  const button = event.target.closest('button[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    const box = Object.assign(document.createElement('textarea'), {value: button.dataset.copy});
    document.body.append(box);
    box.select();
    document.execCommand('copy');
    box.remove();
    button.focus();
  }
  button.textContent = hwSay('Copied');
  setTimeout(() => { button.textContent = hwSay('Copy'); }, 2000);
});"""
