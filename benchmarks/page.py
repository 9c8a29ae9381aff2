"""Measures how long the page takes: until it is ready, and until an article of 40 sentences is drawn.

    python benchmarks/page.py

Starts `khabar serve` for itself on a free port of loopback and Chromium beside it, so it needs the extra
`dev` and an installed Chromium (`apt-get install chromium`; --chromium names another). Every visit is a new
browser profile, without anything kept from before. Prints the median and the slowest of the runs as shares of
what is allowed, and ends with exit code 1 when a median is over it.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples" / "review"
SENTENCES = 40
READY_SECONDS = 1.0
DRAWN_SECONDS = 0.5

# From the click to the frame after the last line is in the page, and what the server took of that.
DRAW = """async () => {
    const begun = performance.now();
    document.querySelector(".paste button").click();
    await new Promise(resolve => new MutationObserver((_, observer) => {
        if (!document.querySelector("#keep")) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(resolve));
    }).observe(document.getElementById("main"), {childList: true, subtree: true}));
    const ended = performance.now();
    const asked = performance.getEntriesByType("resource").find(each => each.name.endsWith("/v1/annotate"));
    return [(ended - begun) / 1000, asked.duration / 1000];
}"""


def main() -> None:
    """Start a server and a browser, visit, and say how long it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--chromium", default=shutil.which("chromium"), metavar="FILE")
    arguments = parser.parse_args()
    if arguments.chromium is None:
        parser.error("no chromium on this machine; apt-get install chromium, or name it with --chromium")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "khabar", "serve", "--port", "0"]
        command += ["--database", str(Path(folder) / "review.db")]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            address = _address(server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=arguments.chromium, args=["--no-sandbox"]
                )
                visits = [_visit(browser, address) for _ in range(arguments.runs)]
                browser.close()
        finally:
            server.terminate()
            server.wait()
    ready, drawn, server_took = zip(*visits, strict=True)
    late = _say("page ready", ready, READY_SECONDS)
    late |= _say(f"{SENTENCES} sentences annotated and drawn", drawn, DRAWN_SECONDS)
    share = statistics.median(took / whole for took, whole in zip(server_took, drawn, strict=True))
    print(f"of that, the server and its model: {share:.0%}")
    sys.exit(late)


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    line = server.stderr.readline()
    found = re.search(r"http://\S+", line)
    if found is None:
        sys.exit(f"the server did not start: {line}{server.stderr.read()}")
    return found[0]


def _visit(browser: Browser, address: str) -> tuple[float, float, float]:
    """Return the seconds until the page was ready, until the article was drawn, and the server's of these."""
    context = browser.new_context(viewport={"width": 1100, "height": 850})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    ready = page.evaluate("performance.getEntriesByName('khabar-ready')[0].startTime / 1000")
    page.fill("#paste-text", article())
    # Nobody pastes sooner, and a browser that has just started still uses the processor.
    page.wait_for_timeout(1500)
    drawn, server_took = page.evaluate(DRAW)
    lines = page.locator(".khabar-row:not(.is-furniture)").count()
    context.close()
    if lines != SENTENCES:
        sys.exit(f"the article was drawn as {lines} sentences, not as {SENTENCES}")
    return ready, drawn, server_took


def article() -> str:
    """Return an article of 40 sentences, made of the first ones of the examples, one a paragraph."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.txt")))
    paragraphs = [line for line in text.splitlines() if line.endswith(".")]
    sentences = re.findall(r"\S[^.]*\.", " ".join(paragraphs))
    return "\n\n".join(sentences[:SENTENCES])


def _say(what: str, seconds: tuple[float, ...], allowed: float) -> bool:
    middle, slowest = statistics.median(seconds) / allowed, max(seconds) / allowed
    print(
        f"{what}: {middle:.2f} of the {allowed:g} s allowed (median of {len(seconds)}; slowest {slowest:.2f})"
    )
    return middle > 1


if __name__ == "__main__":
    main()
