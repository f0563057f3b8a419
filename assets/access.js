// Mends what gradio draws, as it appears: names and states for screen readers, and the focus, which no press may lose.
() => {
  const all = selector => document.querySelectorAll(selector);
  const set = (node, name, value) => { if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value); };
  const textOf = node => node?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const labelOf = node => textOf(node.closest(".block").querySelector("[data-testid=block-label]"));

  // Gradio's accordions do not say whether they are open, and name themselves with their arrow.
  const tellFolds = () => all(".hw-accordion > button").forEach(button => {
    set(button, "aria-expanded", button.classList.contains("open"));
    set(button.querySelector(".icon"), "aria-hidden", true);
  });
  // Who speaks to the computer says what is written on the button: the name has to hold it.
  const nameAsWritten = () => {
    for (const button of all(".upload-container[aria-label]:not(.icon-mode)")) {
      set(button, "aria-label", `${labelOf(button)}: ${textOf(button)}`);
    }
    for (const button of all("button.playback")) {
      const text = textOf(button);
      if (!button.ariaLabel.includes(text + ":")) set(button, "aria-label", `${text}: ${button.ariaLabel}`);
    }
  };
  // Gradio puts a button for further files into another one, whose name it fails to look up: one of them remains.
  const joinButtons = () => all(".icon-button:has(.upload-container.icon-mode)").forEach(outer => {
    const inner = outer.querySelector(".upload-container"), name = `+ ${labelOf(outer)}`;
    set(outer, "aria-label", name);
    set(outer, "title", name);
    if (inner.inert) return;
    inner.inert = true;
    outer.addEventListener("click", event => { if (!inner.contains(event.target)) inner.click(); });
  });
  // Names and sizes of files side by side, without a head: no table of data.
  const layOutFiles = () => all("table.file-preview").forEach(table => set(table, "role", "presentation"));
  // A number that is being typed is half a number for a while: the strength is set by its slider, and shown beside it.
  const showNumber = () => all("#hw-strength input[type=number]").forEach(box => {
    box.readOnly = true;
    set(box, "tabindex", -1);
  });
  // What is to be read aloud is English on every page.
  const tellPhrases = () => all("#hw-phrases button").forEach(button => set(button, "lang", "en"));
  // An empty place is nothing that could have a name.
  const nameNothing = () => all(".empty[aria-label]").forEach(place => place.removeAttribute("aria-label"));
  // Plotly draws without a name: to a screen reader a plot would be loose numbers.
  const namePlots = () => all(".js-plotly-plot:not([role])").forEach(plot => {
    if (!plot.layout?.meta) return;
    set(plot, "role", plot.querySelector(".modebar-btn") ? "group" : "img");
    set(plot, "aria-label", plot.layout.meta.name);
  });

  // What the page is built with before anybody has asked for a language: `data-say` holds the text, two backticks code.
  const sayBuilt = () => {
    for (const node of all("[data-say]")) {
      const text = hwSay(node.dataset.say), parts = text.split("`");
      if (text !== node.dataset.say) node.replaceChildren(...parts.map((part, i) =>
        i % 2 ? Object.assign(document.createElement("code"), {textContent: part}) : part));
      node.removeAttribute("data-say");
    }
    for (const node of all("[data-say-label]")) {
      set(node, "aria-label", hwSay(node.dataset.sayLabel));
      node.removeAttribute("data-say-label");
    }
  };
  // What gradio says in English alone. Its name for a button is kept for the scripts that press it.
  const SHORT = {"Upload file": "Upload", "Record audio": "Microphone"};
  const NAMES = [...Object.keys(SHORT), "Close", "Remove this file", "Select input device", "Stop Recording"];
  const LOST = "The connection to the server was lost; once it is back, the page starts anew.";
  const BETTER = [
    ["maximum allowed size", "The file is too large to be taken here; please trim it, or save it as mp3 or flac."],
    ["Too many files", "These are too many files at once; please send at most 300, or a zip archive."],
    ["Too much at once", "This is too much at once; please send at most 2 GB, or save the recordings as mp3 or flac."],
    ["Could not parse server response", "The server's answer could not be read; please try again."],
    ["Connection to the server was lost", LOST],
  ];
  const sayForGradio = () => {
    for (const button of all(NAMES.map(name => `[aria-label="${name}"]:not([data-name])`).join())) {
      const name = button.ariaLabel;
      set(button, "data-name", name);
      if (SHORT[name]) set(button, "data-short", hwSay(SHORT[name]));
      set(button, "aria-label", hwSay(name));
    }
    for (const title of all(".toast-title:not([data-said])")) {
      set(title, "data-said", "");
      title.firstChild.data = `${hwSay(title.firstChild.data.trim())} `;
    }
    for (const text of all("[data-testid=toast-text]")) {
      const [, names, kinds] = /^Invalid file types?: (.+)\. Only (.+) allowed\.$/.exec(textOf(text)) ?? [];
      const taken = kinds?.includes("audio") ? "wav, flac, ogg, mp3, m4a, mp4, webm" : kinds;
      if (names) text.textContent = `${names}: ${hwSay("files of this kind are not taken here, only")} ${taken}.`;
      const [, better] = BETTER.find(([words]) => textOf(text).includes(words)) ?? [];
      if (better) text.textContent = hwSay(better);
      if (better === LOST) keepLost(true);
    }
  };
  // Gradio loads the page anew once the server is back. The page's own step of the history remembers why.
  const keepLost = isLost => history.replaceState({...history.state, hwLost: isLost}, "");
  const wasLost = history.state?.hwLost;
  const tellLost = () => {
    const main = document.getElementById("hw-main");
    if (!history.state?.hwLost || !wasLost || !main) return;
    const text = hwSay("The server was restarted or could not be reached for a while: what was here is gone.");
    const line = {className: "hw-flag hw-lost", role: "status", textContent: text};
    main.prepend(Object.assign(document.createElement("p"), line));
    keepLost(false);
  };

  // What has the focus, and what it lies in. Once it has gone, the focus goes to the nearest control that is there.
  let path = [];
  const CONTROLS = "button, input, select, textarea, a[href], summary, [tabindex='0']";
  const isThere = node => node.isConnected && node.checkVisibility({visibilityProperty: true});
  const canFocus = node => isThere(node) && !node.disabled && !node.closest("[inert]");
  document.addEventListener("focusin", ({target}) => {
    path = [target];
    while (path.at(-1).parentElement) path.push(path.at(-1).parentElement);
  });
  const holdFocus = () => {
    if (document.activeElement !== document.body || !path.length || canFocus(path[0])) return;
    const around = path.find(isThere);
    [...around.querySelectorAll(CONTROLS)].find(canFocus)?.focus({preventScroll: true});
  };

  let isDue = false;
  const mend = () => {
    isDue = false;
    sayBuilt();
    tellLost();
    sayForGradio();
    for (const each of [tellFolds, nameAsWritten, joinButtons, layOutFiles, showNumber, tellPhrases, nameNothing, namePlots, holdFocus]) each();
  };
  const soon = () => {
    if (!isDue) requestAnimationFrame(mend);
    isDue = true;
  };
  new MutationObserver(soon).observe(document.body, {
    childList: true, subtree: true, attributeFilter: ["class", "style", "aria-label", "disabled", "hidden"],
  });
  soon();
}
