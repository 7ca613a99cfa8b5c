"""One HTML file with all scores, pictures, occlusions and switches; it loads nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, fields
from html import escape
from importlib.metadata import version
from pathlib import Path

from rich.table import Table
from rich.text import Text

from mambatrack.evaluation import plots, tables
from mambatrack.evaluation.evaluate import Evaluation, occlusion_by_tracker
from mambatrack.evaluation.occlusion_tables import occlusion_tables
from mambatrack.evaluation.scores import Score
from mambatrack.evaluation.switches import Switch, switch_table
from mambatrack.files import check_output
from mambatrack.version import VERSION

MOST_SWITCHES = 500  # rows of the list; the CSV file has all

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #e4e4e4; }
th { border-bottom: 2px solid #999; } .right { text-align: right; }
caption { caption-side: bottom; color: #666; text-align: left; padding-top: .4rem; }
svg { max-width: 100%; height: auto; } .wide { overflow-x: auto; } .note { color: #666; }
"""


def write_report(
    path: str | Path, title: str, evaluations: Mapping[str, Evaluation], overwrite: bool = False
) -> None:
    """Raises MissingExtra without matplotlib, MambatrackError where the file cannot be written."""
    parts = "\n".join(_parts(evaluations))
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<p class='note'>mambatrack {VERSION}; metrics by trackeval "
        f"{version('trackeval')}.</p>\n{parts}\n</body>\n</html>\n"
    )
    check_output(path, overwrite).write_text(text, encoding="utf-8")


def html_table(table: Table) -> str:
    """A rich table as an HTML one: its title, headings, cells and caption."""
    columns = [(column.justify, column.header, list(column.cells)) for column in table.columns]
    head = "".join(_cell("th", justify, header) for justify, header, _ in columns)
    body = "".join(
        "<tr>" + "".join(_cell("td", columns[k][0], cell) for k, cell in enumerate(row)) + "</tr>\n"
        for row in zip(*(cells for _, _, cells in columns), strict=True)
    )
    title = f"<h3>{escape(str(table.title))}</h3>\n" if table.title else ""
    caption = f"<caption>{escape(str(table.caption))}</caption>" if table.caption else ""
    return (
        f"{title}<div class='wide'><table>{caption}<thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _parts(evaluations: Mapping[str, Evaluation]) -> Iterator[str]:
    scores = {name: each.scores for name, each in evaluations.items()}
    yield "<h2>Scores</h2>"
    for table in tables.score_tables(scores, full=True):
        yield html_table(table)
    yield "<h2>HOTA over the localisation threshold</h2>"
    yield plots.as_svg(plots.hota_curves(scores))
    yield "<h2>Detection against association</h2>"
    yield plots.as_svg(plots.detection_association(scores))
    yield "<h2>By sequence</h2>"
    yield plots.as_svg(plots.sequence_bars(scores))
    for name, own in scores.items():
        yield html_table(tables.sequence_table(name, own, Score._fields))
    occlusions = occlusion_by_tracker(evaluations)
    if occlusions:
        yield "<h2>Occlusions</h2>"
        yield from map(html_table, occlusion_tables(occlusions))
    yield "<h2>Identity switches</h2>"
    yield html_table(switch_table({name: each.switches for name, each in evaluations.items()}))
    for name, each in evaluations.items():
        yield _switch_list(name, each.switches)
    yield "<h2>Who held which id when</h2>"
    yield (
        "<p class='note'>A line for each object of the ground truth. A colour is an id, grey is "
        "nobody, and where there is nothing the object is absent.</p>"
    )
    for name, each in evaluations.items():
        for sequence, details in each.details.items():
            title = f"{sequence}, {name}"
            yield plots.as_svg(plots.identity_timeline(details.timeline, title))


def _switch_list(tracker: str, switches: list[Switch]) -> str:
    table = Table(title=f"Switches of {tracker}", box=None)
    for field in fields(Switch):
        table.add_column(field.name.replace("_", " "))
    for switch in switches[:MOST_SWITCHES]:
        values = ("" if v is None else f"{v:.2f}" if isinstance(v, float) else str(v)
                  for v in astuple(switch))  # fmt: skip
        table.add_row(*(Text(value) for value in values))
    if len(switches) > MOST_SWITCHES:
        table.caption = f"the first {MOST_SWITCHES} of {len(switches)}; --switches writes all"
    return f"<details><summary>{len(switches)} switches</summary>{html_table(table)}</details>"


def _cell(tag: str, justify: str, content: object) -> str:
    text = content if isinstance(content, Text) else Text.from_markup(str(content))
    inner = escape(text.plain)
    if any("bold" in str(span.style) for span in text.spans):
        inner = f"<b>{inner}</b>"
    kind = " class='right'" if justify == "right" else ""
    return f"<{tag}{kind}>{inner}</{tag}>"
