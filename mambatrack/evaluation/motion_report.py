"""What the prediction benchmark found, as rows for CSV or JSON and as tables for a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table

Source = Literal["truth", "detections"]
Where = Literal["all", "crossings"]


HEADINGS = (
    "horizon", "predictor", "n", "IoU", "centre mean", "median", "in 1 spread", "in 2", "z RMS",
)  # fmt: skip


class MotionError(NamedTuple):
    """One predictor after one number of frames.

    where: all cut points, or the crossings: those where a neighbour's IoU is at least CROSSING
    n: cut points whose track goes on for ``horizon`` frames
    iou: mean IoU with the true box
    centre_mean, centre_median: distance of the centres in heights of the true box
    within_1, within_2: share of the true cx and cy at most 1 and 2 spreads away; of normal errors
        with the right spread .683 and .954. None where the predictor knows no spread.
    z_rms: root of the mean square of error / spread of cx and cy, 1 with the right spread
    """

    where: Where
    predictor: str
    horizon: int
    n: int
    iou: float
    centre_mean: float
    centre_median: float
    within_1: float | None
    within_2: float | None
    z_rms: float | None


@dataclass(frozen=True)
class MotionReport:
    """What evaluate_motion measured, by where, horizon and predictor, and how."""

    errors: tuple[MotionError, ...]
    source: Source
    sequences: int
    warmup: int
    stride: int

    def rows(self) -> list[dict[str, Any]]:
        """A dictionary for each line of a CSV file or entry of a JSON list."""
        return [{"source": self.source, **error._asdict()} for error in self.errors]

    def table(self, where: Where = "all", markdown: bool = False) -> "Table":
        """A table for rich.print, the horizons apart and the best of each in bold."""
        from rich import box
        from rich.table import Table

        table = Table(
            title=None if markdown else self._title(where),
            caption=None if markdown else "centre errors in heights of the true box",
            box=box.MARKDOWN if markdown else box.SIMPLE_HEAD,
            title_justify="left",
            caption_justify="left",
        )
        for number, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="left" if number == 1 else "right")
        chosen = [error for error in self.errors if error.where == where]
        for horizon in dict.fromkeys(error.horizon for error in chosen):
            group = [error for error in chosen if error.horizon == horizon]
            for error in group:
                table.add_row(*_cells(error, group, "**{}**" if markdown else "[bold]{}[/]"))
            if not markdown:
                table.add_section()
        return table

    def _title(self, where: Where) -> str:
        cut = "every cut point" if where == "all" else "cut points in crossings"
        plural = "s" if self.sequences != 1 else ""
        return f"{cut} of {self.sequences} sequence{plural}, histories from {self.source}"


def _cells(error: MotionError, group: list[MotionError], bold: str) -> Iterator[str]:
    """The cells of a table's row; the best IoU and centre errors of its horizon stand out."""
    from rich.markup import escape

    yield from (str(error.horizon), escape(error.predictor), f"{error.n:,}")
    for name, best in (("iou", max), ("centre_mean", min), ("centre_median", min)):
        cell = f"{getattr(error, name):.3f}"
        leads = getattr(error, name) == best(getattr(each, name) for each in group)
        yield bold.format(cell) if leads else cell
    for share in (error.within_1, error.within_2):
        yield "" if share is None else f"{share:.1%}"
    yield "" if error.z_rms is None else f"{error.z_rms:.2f}"
