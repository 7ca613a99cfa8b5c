"""The errors of predictors as rows and as tables."""

from rich.console import Console

from mambatrack.evaluation.motion_report import HEADINGS, MotionError, MotionReport


def error(predictor, horizon, iou, centre, where="all", within=None):
    return MotionError(where, predictor, horizon, 1234, iou, centre, centre, within, within, None)


REPORT = MotionReport(
    (
        error("mamba", 1, 0.9, 0.1, within=0.683),
        error("still[x]", 1, 0.8, 0.2),
        error("mamba", 10, 0.3, 0.5, within=0.5),
        error("still[x]", 10, 0.4, 0.4),
        error("mamba", 1, 0.7, 0.3, where="crossings"),
    ),
    "truth", 1, 4, 3,
)  # fmt: skip


def printed(table):
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_rows_say_where_they_come_from():
    rows = REPORT.rows()
    assert len(rows) == 5 and {row["source"] for row in rows} == {"truth"}
    assert rows[0]["predictor"] == "mamba" and rows[1]["within_1"] is None


def test_a_table_has_the_rows_of_its_place_and_names_in_brackets_stay():
    text = printed(REPORT.table())
    assert "every cut point of 1 sequence, histories from truth" in text
    assert text.count("still[x]") == 2 and text.count("mamba") == 2
    assert "68.3%" in text and "1,234" in text
    crossings = printed(REPORT.table("crossings"))
    assert "cut points in crossings" in crossings and crossings.count("mamba") == 1


def test_the_best_of_each_horizon_stands_out():
    columns = {column.header: list(column.cells) for column in REPORT.table().columns}
    assert list(columns) == list(HEADINGS)
    assert columns["IoU"] == ["[bold]0.900[/]", "0.800", "0.300", "[bold]0.400[/]"]
    assert columns["centre mean"] == ["[bold]0.100[/]", "0.200", "0.500", "[bold]0.400[/]"]
    assert "**0.900**" in printed(REPORT.table(markdown=True))
