"""Tables of occlusion."""

from rich.console import Console

from mambatrack.evaluation.occlusion_tables import occlusion_tables
from test_evaluation_occlusion import AROUND, ONE_TO_TEN, report, standing


def test_the_tables_show_trackers_side_by_side():
    reports = {
        "mamba": report(ONE_TO_TEN, AROUND, AROUND, [(4, 1, 6)]),
        "still": report(ONE_TO_TEN, AROUND, standing([1, 2, 3])),
    }
    console = Console(width=120)
    with console.capture() as capture:
        console.print(*occlusion_tables(reports))
    rows = [line.replace("│", " ").split() for line in capture.get().splitlines()]
    assert ["2-5", "mamba", "1", "1", "100.0", "%", "50.0", "%", "0.0", "%", "0.67", "0.10"] in rows
    assert ["still", "1", "1", "0.0", "%", "0.0", "%", "0.0", "%", "-", "-"] in rows
    assert ["1", "mamba", "1", "0.0", "%", "0.0", "%", "0.0", "%"] in rows
    assert not any("11-30" in row for row in rows)  # a length that no tracker met
