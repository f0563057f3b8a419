// The stage: which slide, how much of it is revealed, at which strength. All text goes in as text, never as HTML.
const POLL_MS = 400, LEGEND_MS = 9000, MOST_LIVE_SECONDS = 30;
const TRAINED = 1;
const SOUND = 0, BASE = 1, ADAPTED = 2;  // what a slide shows, one after the other
const at = id => document.getElementById(id);
const texts = JSON.parse(at("texts").textContent);  // of the page's language, by the English ones
const hwSay = (text, held = {}) => (texts[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => held[name]);
const language = document.documentElement.lang;
const hwNumber = (n, digits) => n.toLocaleString(language, {minimumFractionDigits: digits, maximumFractionDigits: digits});
const hwSeconds = (n, digits) => `${hwNumber(n, digits)} ${language === "tr" ? "sn" : "s"}`;  // saniye
const hwPercent = (n, digits) => language === "tr" ? `%${hwNumber(n, digits)}` : `${hwNumber(n, digits)} %`;
const player = new Audio();
const now = {slides: [], sounds: [], number: 0, step: SOUND, strength: 0, change: false};
const mic = {state: "idle", slide: null, sound: "", recorder: null, parts: [], since: 0, problem: ""};
const ASKS = {idle: hwSay("Press Space and say a short sentence"), recording: hwSay("Recording. Space ends it."), working: hwSay("Comparing …"), done: ""};

const isLive = () => now.number === now.slides.length;
const isUnderWay = () => ["recording", "working"].includes(mic.state);
const shown = () => isLive() ? isUnderWay() ? null : mic.slide : now.slides[now.number];
const sounding = () => isLive() ? mic.sound : now.sounds[now.number];
const trained = slide => Math.max(0, slide?.adapted.findIndex(each => each.strength === TRAINED) ?? 0);

// Before the first slide

let isNew = false;
async function getReady() {
  let status, sounds;
  try {
    status = await (await fetch("slides")).json();
    if (status.state === "ready") {
      tell(howFar(status.total, status.total), hwSay("The first slide comes by itself."), 1);
      sounds = await Promise.all(status.slides.map((_, number) => fetchSound(number)));
    }
  } catch {
    const problem = hwSay("The program does not answer. Is it running? Start it with: python app.py --present");
    tell(hwSay("Getting ready"), problem, 0);
    return setTimeout(getReady, POLL_MS);
  }
  if (status.state === "failed") return tell(hwSay("This cannot be presented"), status.failure, 0);
  if (status.state !== "ready") {
    isNew = true;  // not the talk that was shown before
    const isLoading = status.state === "loading";
    const note = isLoading ? hwSay("The model is loading.") : hwSay("The first slide comes by itself.");
    tell(isLoading ? hwSay("Getting ready") : howFar(status.done, status.total), status.left_out.at(-1) ?? note, status.done / Math.max(1, status.total));
    return setTimeout(getReady, POLL_MS);
  }
  Object.assign(now, {slides: status.slides, sounds});
  const {number, step} = isNew ? {} : kept();
  at("notice").textContent = [...status.left_out, ...status.chosen_with].join(" ");
  document.body.dataset.view = "slide";
  go(number ?? 0, step);
  quietLater();
}

async function fetchSound(number) {  // held by the page from here on: the program may end, the talk goes on
  const answer = await fetch(`sounds/${number}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return URL.createObjectURL(await answer.blob());
}

const howFar = (n, total) => hwSay("Getting ready: {n} of {total}", {n, total});

function tell(title, note, share) {
  at("waiting-title").textContent = title;
  if (at("waiting-note").textContent !== note) at("waiting-note").textContent = note;
  at("bar").value = share;
}

// Over a reload: where the talk was and whether it is light, and nothing of what was said

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem("stage")) ?? {};
  } catch {
    return {};  // this browser keeps nothing
  }
}

function keep(what) {
  try {
    sessionStorage.setItem("stage", JSON.stringify({...kept(), ...what}));
  } catch {}
}

function toggleLight() {
  keep({isLight: document.documentElement.toggleAttribute("data-light")});
}

// Moving

function go(number, step = SOUND) {
  leaveMicrophone();
  player.pause();
  leaveScrolled();
  now.number = Math.max(0, Math.min(number, now.slides.length));
  Object.assign(now, {step: isLive() ? ADAPTED : step, strength: trained(shown()), change: false});
  player.src = sounding() || "";
  draw();
  announce(isLive() ? at("ask").textContent : `${at("place").textContent}: ${at("slide").querySelector("h1").innerText}`);
}

function leaveScrolled() {  // the arrows are for the strength again, and the next texts begin at their beginning
  for (const text of SCROLLED) {
    text.blur();
    text.scrollTop = 0;
  }
}

function reveal(step) {
  if (!shown()) return;
  Object.assign(now, {step: Math.max(now.step, step), change: false});
  draw();
  speak(step === BASE ? "base" : "adapted");
}

function onward() {
  if (now.change) return toggleChange();
  if (now.step < ADAPTED) reveal(now.step + 1);
  else if (!isLive()) go(now.number + 1);
}

function back() {
  if (now.change) return toggleChange();
  if (isLive() || now.step === SOUND) {
    if (now.number) go(now.number - 1, ADAPTED);
    return;
  }
  now.step -= 1;
  draw();
}

function strengthen(by) {
  const slide = shown();
  if (!slide?.adapted.length) return;
  now.strength = Math.max(0, Math.min(now.strength + by, slide.adapted.length - 1));
  if (!now.change) now.step = ADAPTED;
  draw();
  announce(at("strength-text").textContent);
  if (!now.change) speak("adapted");
}

function toggleChange() {
  if (!shown()?.layers.length) return;
  now.change = !now.change;
  draw();
  if (now.change) announce(`${at("change-title").textContent}. ${at("change-note").textContent} ${at("layers").innerText}`);
}

function play() {
  if (isLive() && mic.state !== "done") return record();
  if (!player.paused) return player.pause();
  player.currentTime = 0;
  player.play().catch(() => announce(hwSay("This browser cannot play the recording.")));
}

// The microphone

async function record() {
  if (!isLive()) return;
  if (mic.state === "recording") return mic.recorder.stop();
  if (["asking", "working"].includes(mic.state)) return;
  player.pause();
  mic.state = "asking";
  try {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const stream = await navigator.mediaDevices.getUserMedia({audio: true});
    if (!isLive()) {
      stream.getTracks().forEach(track => track.stop());
      return setMicrophone(atRest());
    }
    mic.recorder = new MediaRecorder(stream);
  } catch (error) {
    return setMicrophone("idle", whyNot(error));
  }
  Object.assign(mic, {parts: [], since: performance.now()});
  mic.recorder.ondataavailable = event => mic.parts.push(event.data);
  mic.recorder.onstop = compare;
  mic.recorder.start();
  setMicrophone("recording");
  tick();
}

function whyNot(error) {
  const reason = {
    NotFoundError: hwSay("There is no microphone at this computer."),
    NotAllowedError: hwSay("This browser does not let the page use the microphone; allow it beside the address."),
    SecurityError: hwSay("The microphone works only at http://127.0.0.1 or over https."),
  }[error.name] ?? hwSay("The microphone cannot be used; another program may have it.");
  return `${reason} ${now.slides.length ? hwSay("The examples go on with ←.") : hwSay("Space tries again.")}`;
}

function tick() {
  if (mic.state !== "recording") return;
  const seconds = (performance.now() - mic.since) / 1000;
  at("so-far").textContent = hwSeconds(Math.floor(seconds));
  if (seconds >= MOST_LIVE_SECONDS) mic.recorder.stop();
  else setTimeout(tick, 200);
}

async function compare() {
  mic.recorder.stream.getTracks().forEach(track => track.stop());
  if (!isLive()) return setMicrophone(atRest());
  setMicrophone("working");
  const recording = new Blob(mic.parts, {type: mic.recorder.mimeType});
  try {
    const answer = await fetch("live", {method: "POST", body: recording});
    const slide = await answer.json();
    if (!answer.ok) return setMicrophone("idle", `${slide.error} ${hwSay("Space records again.")}`);
    Object.assign(mic, {slide, sound: URL.createObjectURL(recording)});
  } catch {
    return setMicrophone("idle", hwSay("The program did not answer. Space tries again, the examples go on with ←."));
  }
  setMicrophone("done");
  if (!isLive()) return;
  now.strength = trained(mic.slide);
  player.src = mic.sound;
  draw();
  speak("base");
  speak("adapted");
}

const atRest = () => mic.slide ? "done" : "idle";  // a result stays until there is another

function setMicrophone(state, problem = "") {
  Object.assign(mic, {state, problem});
  if (!isLive()) return;
  now.change = false;  // its bars would hide that somebody records, and what came of it
  draw();
}

function leaveMicrophone() {
  mic.problem = "";
  if (mic.state === "recording") mic.recorder.stop();
  if (mic.state === "idle") mic.state = atRest();
}

// Keys

let legendTimer;
function quietLater() {
  document.body.classList.remove("is-quiet");
  clearTimeout(legendTimer);
  legendTimer = setTimeout(toggleKeys, LEGEND_MS);
}

function toggleKeys() {  // asked for, they stay until they are asked away
  clearTimeout(legendTimer);
  document.body.classList.toggle("is-quiet");
  if (shown()) fit();  // to the room that the notice leaves or takes
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen().catch(() => announce(hwSay("This browser allows no full screen.")));
}

const ALWAYS = {f: toggleFullScreen, d: toggleLight, "?": toggleKeys};
const ON_SLIDES = {
  " ": play, r: record,
  ArrowRight: onward, PageDown: onward, Enter: onward,  // the second is what a presenter's remote control sends
  ArrowLeft: back, PageUp: back, Backspace: back,
  b: () => reveal(BASE), a: () => reveal(ADAPTED), c: toggleChange,
  ArrowUp: () => strengthen(1), ArrowDown: () => strengthen(-1),
  n: () => isLive() || go(now.number + 1), p: () => go(now.number - 1),
  Home: () => go(0), End: () => go(now.slides.length), l: () => go(now.slides.length),
};

function press(key) {
  const isReady = document.body.dataset.view === "slide";
  const action = ALWAYS[key] ?? (isReady ? ON_SLIDES[key] : undefined);
  action?.();
  return Boolean(action);
}

addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isOnButton = event.target.closest("button") && [" ", "Enter"].includes(event.key);
  const isScrolling = SCROLLED.some(text => text.contains(event.target)) && ["ArrowUp", "ArrowDown"].includes(event.key);
  if (isOnButton || isScrolling) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.repeat && [" ", "r"].includes(key)) return event.preventDefault();  // a key held is one press
  if (press(key)) event.preventDefault();
});
at("keys").addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  press(button.dataset.key);
  if (event.detail) button.blur();  // pressed with a mouse: the space bar plays again
});
for (const text of SCROLLED) text.addEventListener("scroll", () => tellMore(text));
player.addEventListener("play", drawProgress);
player.addEventListener("pause", drawProgress);
addEventListener("resize", () => shown() && fit());
document.documentElement.toggleAttribute("data-light", Boolean(kept().isLight));
getReady();
