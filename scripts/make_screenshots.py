"""Makes the pictures of the README, docs/images/*.png, out of articles that were made up for this project.

    python scripts/make_screenshots.py

Starts `khabar serve` for itself on a free port of loopback, with a database in a temporary folder, and needs
the extra `dev` and an installed Chromium (`apt-get install chromium`). Arabic is drawn with the fonts of the
machine.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from khabar import Annotator

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "review"
IMAGES = ROOT / "docs" / "images"
REVIEWER = "هدى"


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=IMAGES, metavar="FOLDER")
    parser.add_argument("--chromium", default=shutil.which("chromium"), metavar="FILE")
    arguments = parser.parse_args()
    if arguments.chromium is None:
        parser.error("no chromium on this machine; apt-get install chromium, or name it with --chromium")
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        _article(browser, Path(folder), arguments.output / "article.png")
        command = [sys.executable, "-m", "khabar", "serve", "--port", "0"]
        command += ["--database", str(Path(folder) / "review.db")]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            _review(browser, _address(server), arguments.output / "review.png")
        finally:
            server.terminate()
            server.wait()
        browser.close()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    line = server.stderr.readline()
    found = re.search(r"http://\S+", line)
    if found is None:
        sys.exit(f"the server did not start: {line}{server.stderr.read()}")
    return found[0]


def _article(browser: Browser, folder: Path, target: Path) -> None:
    """An article as ``khabar annotate --format html`` shows it, the scores of one sentence open."""
    html = folder / "article.html"
    text = (EXAMPLES / "power-cut.txt").read_text(encoding="utf-8")
    html.write_text(Annotator().annotate(text).to_html(), encoding="utf-8")
    page = browser.new_page(viewport={"width": 960, "height": 640})
    page.goto(html.as_uri())
    page.locator("summary").nth(4).click()
    page.mouse.move(0, 0)
    page.screenshot(path=target, full_page=True)
    page.close()


def _review(browser: Browser, address: str, target: Path) -> None:
    """The page in the middle of a review, in English, with the keys in the dock."""
    context = browser.new_context(viewport={"width": 1100, "height": 860}, locale="en")
    context.add_init_script(f"localStorage.setItem('khabar.name', '{REVIEWER}')")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.set_input_files("#files", sorted(EXAMPLES.glob("*.txt")))
    page.get_by_role("link", name="ferry").click()
    page.wait_for_selector(".dock-label")
    while page.locator(".khabar-row.is-undecided").count():
        page.wait_for_timeout(100)
    for _ in range(3):
        page.keyboard.press("Enter")
    page.wait_for_selector("#save-state[data-state=saved][data-waiting='0']")
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=target)
    context.close()


if __name__ == "__main__":
    main()
