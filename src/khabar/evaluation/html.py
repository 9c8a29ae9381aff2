"""A report as one HTML page with its plots in it: nothing is loaded from elsewhere, and nothing runs."""

import base64

from khabar.errors import MissingExtraError
from khabar.evaluation._report import Report

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from khabar.evaluation._plots import plots
except ImportError as error:
    raise MissingExtraError(
        f"khabar.evaluation.html needs the package {error.name!r}, which comes with "
        "`pip install 'khabar[train]'`."
    ) from error

_ENVIRONMENT = Environment(
    loader=PackageLoader("khabar.evaluation"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_html(report: Report) -> str:
    """Return the page of a report: its plots, and every table."""
    return _ENVIRONMENT.get_template("report.html.j2").render(
        report=report,
        tables=[
            {"id": f"table-{number}", "grid": grid, "remark": remark}
            for number, (grid, remark) in enumerate(report.grids(), start=1)
        ],
        plots=[
            {
                "id": f"plot-{number}",
                "title": plot.title,
                "caption": plot.caption,
                # An image of its own keeps the ids inside one picture from meeting those of another.
                "source": "data:image/svg+xml;base64," + base64.b64encode(plot.svg.encode()).decode(),
            }
            for number, plot in enumerate(plots(report), start=1)
        ],
    )
