"""What the tests of the page share: a server in a process of its own, and a person at it."""

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 20_000

ARTICLE = """مقتل ثلاثة عمال في حريق مستودع للأصباغ في ميناء رأس النخيل

رأس النخيل - قتل ثلاثة عمال وأصيب تسعة آخرون فجر الأحد في حريق اندلع في مستودع للأصباغ. وقال المتحدث باسم الدفاع المدني إن فرق الإطفاء سيطرت على الحريق بعد أربع ساعات.

وأكد سكان الحي المجاور أنهم شموا رائحة غريبة قبل الحريق بيومين. ورجحت مصادر مطلعة أن يكون سببه ماسا كهربائيا.

اقرأ أيضا: مواعيد العبارات في العيد

ويعد الميناء من أقدم موانئ الساحل، وقد بني عام 1934.
"""  # noqa: E501
UNITS = 7

SECOND = """وصل وزير الزراعة إلى مدينة السنديان صباح الاثنين. وأعلنت الوزارة توزيع البذور على المزارعين قبل نهاية الشهر.

وقالت جمعية للمزارعين إن الكميات لا تكفي نصف الحاجة."""  # noqa: E501


@dataclass
class Served:
    """A server in a process of its own."""

    folder: Path
    options: tuple[str, ...] = ()
    address: str = field(init=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "khabar", "serve", "--port", "0", *self.options]
        command += ["--database", str(self.folder / "review.db")]
        self.log = (self.folder / "server.log").open("a", encoding="utf-8")
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=self.log, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server did not start: {line}{self.process.stderr.read()}"
        self.address = found[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()
        self.log.close()


class Desk:
    """One person's browser window on the page, and what went wrong in it."""

    def __init__(self, chromium, address, name="هدى", language="ar", **options) -> None:
        self.context = chromium.new_context(
            **{"viewport": {"width": 1100, "height": 850}, "locale": language} | options
        )
        self.context.set_default_timeout(TIMEOUT)
        if name:
            self.context.add_init_script(f"localStorage.setItem('khabar.name', {json.dumps(name)})")
        self.address = address
        self.errors: list[str] = []
        self.page = self.new_page()

    def new_page(self):
        page = self.context.new_page()
        # Nothing is ever asked of another machine.
        page.on("request", lambda asked: self._strange(asked.url) and self.errors.append(asked.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        return page

    def _strange(self, url) -> bool:
        home = ("file:", "data:", "blob:", self.address.split("#")[0])
        return not url.startswith(home)

    def visit(self, place="#/"):
        self.page.goto(self.address.split("#")[0] + place)
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def add(self, text, title=None) -> str:
        """Add an article by the interface for programs, and return its id once the model has read it."""
        body = {"articles": [{"text": text} | ({"title": title} if title else {})]}
        headers = {"X-Khabar-Annotator": "Desk"}
        answer = self.context.request.post(
            f"{self.address}v1/review/articles", data=body, headers=headers
        ).json()
        return (answer["added"] or answer["known"])[0]["id"]

    def open(self, article, suffix=""):
        page = self.visit(f"#/a/{article}{suffix}")
        page.wait_for_selector(".khabar-row")
        self.until("!document.querySelector('.khabar-row.is-undecided')")
        return page

    def article(self, article):
        return self.context.request.get(f"{self.address}v1/review/articles/{article}").json()

    def saved(self) -> None:
        self.page.wait_for_selector("#save-state[data-state=saved][data-waiting='0']")

    def until(self, expression, timeout=TIMEOUT) -> None:
        """Wait until a JavaScript expression is true; the page's policy forbids Playwright's own way."""
        end = time.monotonic() + timeout / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"not within {timeout} ms: {expression}"
            self.page.wait_for_timeout(50)

    def press(self, *keys) -> None:
        for key in keys:
            self.page.keyboard.press(key)
