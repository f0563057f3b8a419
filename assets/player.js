// The player of a result: it plays the recording, lights the words as they are said, and goes to a word on a press.
const result = element.closest('#hw-result'), audio = element.querySelector('audio');
const button = element.querySelector('.hw-play'), seek = element.querySelector('input');
const clock = element.querySelector('output'), cursor = element.querySelector('.hw-cursor');
let file = '', lit = '', said = null, spoken = {};

const times = () => {
  const text = document.querySelector('#hw-times [data-times]')?.dataset.times ?? '{}';
  if (text !== said) [said, spoken] = [text, JSON.parse(text)];
  return spoken;
};
const wordAt = (words, seconds) => words.findLastIndex(([start, end]) => start <= seconds && seconds < end);
const light = seconds => {
  const now = Object.entries(times()).map(([row, words]) => `${row}-${wordAt(words, seconds)}`);
  if (now.join() === lit && result.querySelector('.hw-said')) return;
  lit = now.join();
  result.querySelectorAll('.hw-said').forEach(word => word.classList.remove('hw-said'));
  now.forEach(word => result.querySelector(`[data-word="${word}"]`)?.classList.add('hw-said'));
};
const show = () => {
  const seconds = audio.currentTime, all = Number(seek.max);
  if (document.activeElement !== seek || !audio.paused) seek.value = seconds;
  cursor.style.setProperty('--at', Math.min(1, seconds / all));
  clock.textContent = `${hwNumber(seconds, 1)} / ${hwSeconds(all, 1)}`;
  const word = result.querySelector('.hw-adapted .hw-said, .hw-base .hw-said')?.textContent;
  seek.setAttribute('aria-valuetext', `${hwNumber(seconds, 1)} ${hwSay("seconds")}${word ? `: ${word}` : ''}`);
};
const step = () => {
  light(audio.currentTime);
  show();
  if (!audio.paused) requestAnimationFrame(step);
};
const goTo = seconds => {
  audio.currentTime = seconds;
  seek.value = seconds;
  light(seconds);
  show();
};
// Browsers play nothing before the first press on a page; the button is there then.
const play = () => audio.play().catch(error => { if (error.name !== 'NotAllowedError' && error.name !== 'AbortError') throw error; });
const toggle = () => audio.paused ? play() : audio.pause();

const follow = () => {
  const shown = result.querySelector('[data-file]'), results = document.getElementById('hw-results');
  if ((shown?.dataset.file ?? '') !== file) {
    file = shown?.dataset.file ?? '';
    lit = '';
    audio.pause();
    element.querySelector('path[d]:only-child').setAttribute('d', shown?.dataset.wave ?? '');
    if (file) audio.src = `${gradio_config.root}${gradio_config.api_prefix ?? ''}/file=${encodeURI(file)}`;
    else audio.removeAttribute('src');
    seek.max = shown?.dataset.seconds ?? 1;
    seek.value = 0;
    show();
  }
  // The counts are those of what stands in the text now: the other figures follow them.
  const meant = document.querySelector('#hw-reference textarea')?.value.trim();
  if (shown?.dataset.reference === meant) results.classList.remove('hw-recounting');
  if (file && results.dataset.play) {
    delete results.dataset.play;
    audio.currentTime = 0;
    play();
  }
};
new MutationObserver(follow).observe(result, {childList: true, subtree: true});

button.addEventListener('click', toggle);
audio.addEventListener('play', () => {
  element.firstElementChild.classList.add('hw-playing');
  button.setAttribute('aria-label', hwSay('Pause'));
  step();
});
for (const stop of ['pause', 'ended']) audio.addEventListener(stop, () => {
  element.firstElementChild.classList.remove('hw-playing');
  button.setAttribute('aria-label', hwSay('Play the recording'));
});
audio.addEventListener('error', () => { if (file) clock.textContent = hwSay('This browser cannot play the recording.'); });
seek.addEventListener('input', () => goTo(Number(seek.value)));
seek.addEventListener('keydown', event => {
  const forward = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
  if (event.key === ' ') toggle();
  else if (forward) {
    const now = audio.currentTime, {adapted = [], base = []} = times();
    const starts = (adapted.length ? adapted : base).map(([start]) => start);
    const next = forward > 0 ? starts.find(start => start > now + .01) : starts.findLast(start => start < now - .01);
    goTo(next ?? (forward > 0 ? Number(seek.max) : 0));
  } else return;
  event.preventDefault();
});
result.addEventListener('click', event => {
  const [row, place] = event.target.closest('[data-word]')?.dataset.word.split('-') ?? [];
  const start = times()[row]?.[place]?.[0];
  if (start === undefined) return;
  goTo(start);
  play();
});
