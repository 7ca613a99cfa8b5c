"""One HTML file with all scores, pictures, occlusions and switches."""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mambatrack.errors import counted
from mambatrack.evaluation import plots, tables
from mambatrack.evaluation.clips import Clip
from mambatrack.evaluation.evaluate import Evaluation, occlusion_by_tracker
from mambatrack.evaluation.occlusion_tables import occlusion_tables
from mambatrack.evaluation.report_page import code, folded, heading, html_table, page, plot, video
from mambatrack.evaluation.scores import Score, Scores
from mambatrack.evaluation.switches import Switch, switch_table
from mambatrack.files import check_output, write_text
from mambatrack.version import VERSION

MOST_SWITCHES = 500  # rows of the list; the CSV file has all
HEADLINE = ("HOTA", "MOTA", "IDF1", "IDSW", "AssPr", "AssRe", "Purity")


@dataclass(frozen=True)
class Origin:
    """How the scores came about. command: that was given; settings: of each tracker, as text;
    clips: of its switches"""

    command: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    clips: Mapping[str, list[Clip]] = field(default_factory=dict)


def write_report(
    path: str | Path, title: str, evaluations: Mapping[str, Evaluation], overwrite: bool = False,
    origin: Origin | None = None,
) -> None:  # fmt: skip
    """Raises MissingExtra without matplotlib, MambatrackError where the file cannot be written."""
    made = datetime.now().astimezone()
    note = (
        f"Made {made:%Y-%m-%d %H:%M %Z} by mambatrack {VERSION}; metrics by trackeval "
        f"{version('trackeval')}."
    )
    parts = _parts(Path(path), evaluations, origin or Origin())
    write_text(check_output(path, overwrite), page(title, note, parts))


def _parts(path: Path, evaluations: Mapping[str, Evaluation], origin: Origin) -> Iterator[str]:
    scores = {name: each.scores for name, each in evaluations.items()}
    yield html_table(_headline(scores), "head")
    yield from _origin(origin)
    yield from _scores(scores)
    occlusions = occlusion_by_tracker(evaluations)
    if occlusions:
        yield heading("Occlusions")
        yield from map(html_table, occlusion_tables(occlusions))
    yield heading("Identity switches")
    yield html_table(switch_table({name: each.switches for name, each in evaluations.items()}))
    for name, each in evaluations.items():
        yield _switch_list(name, each.switches)
    yield from _clips(path, origin.clips)
    yield heading(
        "Who held which id when",
        "A line for each object of the ground truth. A colour is an id, grey is nobody, and where "
        "there is nothing the object is absent.",
    )
    for name, each in evaluations.items():
        for sequence, details in each.details.items():
            title = f"{sequence}, {name}"
            yield plot(plots.as_svg(plots.identity_timeline(details.timeline, title)))


def _headline(scores: Mapping[str, Scores]) -> Table:
    """A line for each tracker, the best of each column bold where there are several."""
    table = Table("tracker")
    for name in HEADLINE:
        table.add_column("switches" if name == "IDSW" else name, justify="right")
    rows = {name: each.combined for name, each in scores.items()}
    for name, cells in tables.compared(rows, HEADLINE, best=len(rows) > 1).items():
        table.add_row(escape(name), *cells)
    return table


def _origin(origin: Origin) -> Iterator[str]:
    if origin.command:
        yield f"<p>Command:</p>{code(origin.command)}"
    for name, text in origin.settings.items():
        yield folded(f"Settings of {name}", code(text))


def _scores(scores: Mapping[str, Scores]) -> Iterator[str]:
    yield heading("Scores")
    for table in tables.score_tables(scores, full=True):
        yield html_table(table)
    yield heading("HOTA over the localisation threshold")
    yield plot(plots.as_svg(plots.hota_curves(scores)))
    yield heading("Detection against association")
    yield plot(plots.as_svg(plots.detection_association(scores)))
    yield heading("By sequence")
    yield plot(plots.as_svg(plots.sequence_bars(scores)))
    for name, own in scores.items():
        yield html_table(tables.sequence_table(name, own, Score._fields))


def _switch_list(tracker: str, switches: list[Switch]) -> str:
    table = Table()
    for each in fields(Switch):
        table.add_column(each.name.replace("_", " "))
    for switch in switches[:MOST_SWITCHES]:
        values = ("" if v is None else f"{v:.2f}" if isinstance(v, float) else str(v)
                  for v in astuple(switch))  # fmt: skip
        table.add_row(*(Text(value) for value in values))
    if len(switches) > MOST_SWITCHES:
        table.caption = f"the first {MOST_SWITCHES} of {len(switches)}; --switches writes all"
    return folded(f"{counted(len(switches), 'switch')} of {tracker}", html_table(table))


def _clips(path: Path, clips: Mapping[str, list[Clip]]) -> Iterator[str]:
    """The videos by tracker; each stands still at its switch."""
    for name, own in clips.items():
        if own:
            yield heading(f"Clips of switches of {name}", "They lie beside this file.")
            shown = (video(each.path, path, _told(each.switch)) for each in own)
            yield f"<div class='clips'>{''.join(shown)}</div>"


def _told(switch: Switch) -> str:
    return (
        f"{switch.sequence}, frame {switch.frame}: object {switch.object}, id {switch.before} "
        f"to {switch.after}, {switch.cause}"
    )
