"""What trackers do in gaps and with predicted boxes, as tables for people (rich)."""

from collections.abc import Mapping

from rich.table import Table

from mambatrack.evaluation.occlusion import BINS, OcclusionReport

GAP_COLUMNS = {
    "gaps": "gaps", "known": "with an id", "recovered": "same id after", "covered": "predicted",
    "taken": "on another", "iou": "IoU", "centre": "centre off",
}  # fmt: skip
GHOST_COLUMNS = {
    "predicted": "boxes", "ghost": "ghost", "alone": "alone", "on_other": "on another",
}  # fmt: skip


def occlusion_tables(reports: Mapping[str, OcclusionReport]) -> list[Table]:
    """Of trackers by name, side by side: what happens in gaps, and where predicted boxes lie."""
    gaps = _table("Objects without a detection, by length of the gap", GAP_COLUMNS, reports)
    gaps.caption = "IoU and centre (in heights of the true box) of the predicted boxes"
    ghosts = _table("Predicted boxes, by frames since the id was seen", GHOST_COLUMNS, reports)
    ghosts.caption = (
        "ghost: no true box at the IoU of a match; alone: none at IoU 0.1; "
        "on another: than the object the id was on"
    )
    return [gaps, ghosts]


def _table(title: str, columns: Mapping[str, str], reports: Mapping[str, OcclusionReport]) -> Table:
    table = Table(title=title)
    table.add_column("frames", no_wrap=True)
    table.add_column("tracker", no_wrap=True)
    for heading in columns.values():
        table.add_column(heading, justify="right")
    lines = {name: report.rows() for name, report in reports.items()}
    for number in range(len(BINS) + 1):
        if not any(rows[number][next(iter(columns))] for rows in lines.values()):
            continue
        for place, (name, rows) in enumerate(lines.items(), start=1):
            row = rows[number]
            frames = row["frames"] if place == 1 else ""
            values = [_text(key, row[key]) for key in columns]
            table.add_row(frames, name, *values, end_section=place == len(lines))
    return table


def _text(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    if key in ("gaps", "known", "predicted"):
        return f"{value:.0f}"
    return f"{value:.2f}" if key in ("iou", "centre") else f"{100 * value:.1f} %"
