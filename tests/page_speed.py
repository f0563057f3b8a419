"""How long a visitor waits for both transcripts, from the press of the button, in a real browser.

By hand: python tests/page_speed.py --presses 20. It starts a server of its own on this machine and asks no other.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))  # started as a script

from tests.served import ROOT, running_app  # noqa: E402

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split()
PATIENCE_MS = 60_000
CALM_SECONDS = 3  # after the page is open, and between presses: the cards that come after the transcripts are there
# From the press to the frame in which the new result is drawn, and to the event of the server that brought it, in ms.
PRESS = """() => new Promise((done) => {
  const arrived = document.getElementById("hw-arrived"), before = arrived.textContent, began = performance.now();
  const watcher = new MutationObserver(() => {
    if (arrived.textContent === before || !document.querySelector("#hw-result")) return;
    watcher.disconnect();
    const came = performance.now() - began;
    requestAnimationFrame(() => setTimeout(() => done([performance.now() - began, came])));
  });
  watcher.observe(document.body, {childList: true, subtree: true, characterData: true});
  document.getElementById("hw-compare").click();
})"""


def measure(url: str, presses: int) -> list[float]:  # ms, one for each press
    """Upload a recording, let the first comparison come, then press."""
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.locator("[data-example]").first.click()
        page.wait_for_function("document.getElementById('hw-arrived')?.textContent.trim()")
        waits = []
        for _ in range(presses):
            time.sleep(CALM_SECONDS)
            drawn, came = page.evaluate(PRESS)
            print(f"{came:.0f} {drawn:.0f}", end="  ", flush=True)
            waits.append(drawn)
        browser.close()
    return waits


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=20, metavar="N", help="how often the button is pressed")
    parser.add_argument("--app", type=Path, default=ROOT, metavar="FOLDER", help="the folder that holds app.py")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache, running_app(Path(cache), folder=args.app) as url:
        waits = sorted(measure(url, args.presses))
    p95 = waits[int(0.95 * (len(waits) - 1))]
    print(f"\nmedian {statistics.median(waits):.0f} ms, p95 {p95:.0f} ms, of {len(waits)} presses")


if __name__ == "__main__":
    main()
