// The stage: what is drawn and what is read out, from the state that stage.js keeps.
const LARGEST = 6.5, SMALLEST = 3, FIT_STEP = .25;  // rem: 104 and 48 px on a screen of 1920 x 1080
const MANY_LAYERS = 12;
const SCROLLED = ["meant", "base", "adapted"].map(id => document.getElementById(id));  // where they are too long

function draw() {
  const slide = shown();
  keep({number: now.number, step: now.step});
  document.body.classList.toggle("is-recording", isLive() && mic.state === "recording");
  at("label").textContent = isLive() ? hwSay("Your turn: live from the microphone") : slide.label;
  at("tag").hidden = !slide?.is_simulated;
  at("place").textContent = isLive() ? "" : hwSay("{n} of {slides}", {n: now.number + 1, slides: now.slides.length});
  at("ask").textContent = isLive() ? mic.problem || ASKS[mic.state] || "" : "";
  at("asking").hidden = !at("ask").textContent;
  at("so-far").hidden = mic.state !== "recording";
  document.body.classList.toggle("is-asking", !slide);
  at("caution").hidden = now.number > 0 && !isLive();
  at("sound").hidden = now.change;
  at("wave").toggleAttribute("hidden", !slide || !at("asking").hidden);  // an SVG has the attribute alone
  at("clock").hidden = !slide || !at("asking").hidden;
  at("rows").hidden = !slide || now.change;
  at("change").hidden = !now.change;
  at("space-does").textContent = isLive() && mic.state !== "done" ? hwSay("record") : hwSay("play");
  at("keys").querySelector("[data-key=r]").hidden = !isLive();
  if (!slide) return;
  drawWave(slide);
  drawRows(slide);
  if (now.change) drawChange(slide);
}

function drawWave(slide) {
  const height = 100;
  at("wave").setAttribute("viewBox", `0 0 ${slide.peaks.length} ${height}`);
  at("wave").replaceChildren(...slide.peaks.map((peak, i) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect"), size = Math.max(1.5, peak * height);
    for (const [name, value] of Object.entries({x: i + .2, y: (height - size) / 2, width: .6, height: size})) {
      bar.setAttribute(name, value);
    }
    return bar;
  }));
  drawProgress();
}

function drawProgress() {
  const slide = shown();
  if (!slide) return;
  const bars = at("wave").children, share = player.currentTime / slide.seconds;
  for (let i = 0; i < bars.length; i++) bars[i].classList.toggle("played", i < share * bars.length);
  at("clock").textContent = hwSeconds(slide.seconds, 1);
  if (!player.paused) requestAnimationFrame(drawProgress);
}

function drawRows(slide) {
  const strong = slide.adapted[now.strength];
  at("meant").hidden = !slide.meant;
  at("meant").style.visibility = now.step >= BASE ? "visible" : "hidden";
  at("meant-text").textContent = slide.meant;
  document.querySelectorAll(".words, #meant-text").forEach(spoken => { spoken.lang = slide.language; });
  at("counted").textContent = slide.counted && `(${slide.counted})`;
  drawRow("base", slide.base, now.step >= BASE);
  drawRow("adapted", strong?.line ?? {words: [], score: hwSay("This model has no adaptation.")}, now.step >= ADAPTED);
  at("strength").hidden = !strong;
  if (strong) drawStrength(slide, strong.strength);
  at("verdict").hidden = !strong?.verdict;
  at("verdict").textContent = strong?.verdict ?? "";
  at("verdict").dataset.outcome = strong?.outcome ?? "";
  fit();
}

function drawRow(id, line, isRevealed) {
  const row = at(id);
  row.classList.toggle("is-covered", !isRevealed);
  row.querySelector(".score").textContent = line.score;
  row.querySelector(".words").replaceChildren(...line.words.map(word => {
    const whole = element("span", word.kind, element("span", "text", word.text));
    if (word.note) whole.append(element("span", "note", word.note));
    return whole;
  }));
}

function drawStrength(slide, strength) {
  const known = {
    0: hwSay("strength 0, as the base"), [TRAINED]: hwSay("strength 1, as trained"),
  }[strength];
  at("strength-text").textContent = known ?? hwSay("strength {n}", {n: hwNumber(strength)});
  at("steps").replaceChildren(...slide.adapted.map((each, i) => {
    const step = element("i", i <= now.strength ? "reached" : "");
    step.style.height = `${.6 + .2 * i}rem`;
    return step;
  }));
}

function drawChange(slide) {
  const strength = slide.adapted[now.strength].strength;
  // One scale from 0 for all slides and strengths, so that a taller bar is a larger change everywhere.
  const all = [...now.slides, slide].flatMap(each => each.layers.map(layer => layer.percent));
  const most = Math.max(...all, 1e-9) * slide.adapted.at(-1).strength;
  const written = hwSay("{n} numbers were written for this recording: {share} % of the model.", {
    n: hwNumber(slide.n_written), share: hwNumber(slide.written_percent, 3),
  });
  const shared = slide.is_partly_shared ? ` ${hwSay("Part of the change was learned and is the same for every recording.")}` : "";
  const [first, ...rest] = at("strength-text").textContent;
  at("change-note").textContent = `${written}${shared} ${first.toLocaleUpperCase(language)}${rest.join("")}.`;
  at("layers").classList.toggle("many", slide.layers.length > MANY_LAYERS);
  at("layers").replaceChildren(...slide.layers.map(layer => {
    const size = layer.percent * strength, bar = element("span", "bar");
    bar.style.height = `${85 * size / most}%`;  // the rest is for the number above it
    const track = element("span", "track", element("span", "size", hwPercent(size, size < 10 ? 1 : 0)), bar);
    return element("li", "", track, element("span", "name", layer.name));
  }));
  at("change-axis").textContent = slide.axis;
}

function element(tag, style, ...content) {
  const made = document.createElement(tag);
  made.className = style;
  made.append(...content);
  return made;
}

function fit() {  // the key for what scrolls takes room itself
  at("scroll-key").hidden = true;
  size();
  if (SCROLLED.every(text => text.tabIndex < 0)) return;
  at("scroll-key").hidden = false;
  size();
}

function size() {  // the largest letters with which both transcripts are whole; below the smallest a row scrolls
  const rows = [at("base"), at("adapted")];
  const isWhole = () => rows.every(row => row.scrollHeight <= row.clientHeight + 1);
  let letters = LARGEST;
  do at("rows").style.setProperty("--fit", letters); while (!isWhole() && (letters -= FIT_STEP) >= SMALLEST);
  for (const text of SCROLLED) text.tabIndex = text.scrollHeight > text.clientHeight + 1 ? 0 : -1;
  SCROLLED.forEach(tellMore);
}

function tellMore(row) {  // a sign at its lower edge while some of it is out of sight below
  row.classList.toggle("has-more", row.scrollTop + row.clientHeight < row.scrollHeight - 1);
}

// For screen readers

function speak(id) {
  const row = at(id);
  const words = [...row.querySelectorAll(".words > span")].map(word => [...word.children].map(part => part.textContent));
  const said = words.map(([text, note]) => note ? `${text} (${note})` : text).join(" ");
  const heard = element("span", "", said);
  heard.lang = shown().language;
  announce(`${row.querySelector("h2").textContent}: `, heard, `. ${row.querySelector(".score").textContent}`);
}

function announce(...content) {
  at("spoken").append(element("p", "", ...content));
  while (at("spoken").children.length > 3) at("spoken").firstChild.remove();
}
