"""A report as a Markdown file, or as a part of one that says more."""

from pathlib import Path

from khabar._files import write_text
from khabar.errors import DataError
from khabar.evaluation._report import Report

BEGIN = "<!-- report -->"
END = "<!-- end of report -->"


def write_markdown(path: Path, report: Report) -> None:
    """Write the report, or put it in its place in a page that has one.

    A page that is there already and holds the lines ``<!-- report -->`` and ``<!-- end of report -->`` keeps
    everything but what stands between them: so the page of a model's results is brought up to date without
    losing what was written around them.

    Raises:
        DataError: The page has only one of the two lines.
        OSError: The folder is not there or cannot be written to.
    """
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    if BEGIN not in page and END not in page:
        write_text(path, report.to_markdown())
        return
    before, begin, rest = page.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(
            f"{path}: the report's place is not marked by a line {BEGIN} and a line {END} after it; "
            "repair the two lines, or write to another file."
        )
    write_text(path, f"{before}{BEGIN}\n\n{report.to_markdown(level=2)}\n{END}{after}")
