import io
import json
import tracemalloc

import pytest
from rich.console import Console

from mambatrack import MambatrackError
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.benchmark import WARM_UP, bench
from mambatrack.motion.classical import StillPredictor
from mambatrack.track_table import TrackTable


@pytest.fixture(scope="module")
def report():
    return bench(["kalman", "still"], objects=(3, 12), frames=WARM_UP + 4, passes=2)


def test_every_predictor_is_measured_with_every_number_of_objects(report):
    assert [(each.objects, each.predictor) for each in report.rows] == [
        (3, "kalman"), (3, "still"), (12, "kalman"), (12, "still"),
    ]  # fmt: skip
    for row in report.rows:
        assert 0 < row.predict_ms < row.median_ms <= row.p99_ms and row.rest_ms > 0
        assert 0.8 * row.objects <= row.tracks < 2 * row.objects
        assert row.peak_kb > row.kept_kb > 0
    assert report.row("kalman", 12).predict_ms > report.row("still", 12).predict_ms
    with pytest.raises(KeyError):
        report.row("kalman", 4)
    assert report.memory_mb > 20 and not tracemalloc.is_tracing()


def test_the_size_of_a_track_is_that_of_its_row(report):
    kalman, still = (report.row(name, 3).track_bytes for name in ("kalman", "still"))
    assert kalman - still == 4 * (20 - StillPredictor.state_size)
    table = TrackTable(0, load_association(TrackerConfig()).memory_size)
    columns = sum(table._arrays[name][0].nbytes for name in table._arrays)
    assert still == columns + 4 * StillPredictor.state_size


def test_the_report_as_table_document_and_json(report):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(*report.tables())
    text = console.export_text()
    assert "p99 ms" in text and "numpy" in text and text.count("kalman") == 2
    lines = report.markdown().splitlines()
    assert lines[0].startswith("| objects") and sum(line.startswith("|") for line in lines) == 6
    assert f"the first {WARM_UP} not timed" in lines[-1]
    content = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert content["rows"][0]["predictor"] == "kalman" and content["warm_up"] == WARM_UP
    assert content["seed"] == 0 and content["versions"]["numpy"]


@pytest.mark.parametrize(
    "wrong", [{"objects": (0,)}, {"objects": ()}, {"passes": 0}, {"frames": WARM_UP}]
)
def test_nothing_to_time_is_an_error(wrong):
    with pytest.raises(MambatrackError, match="expected at least 1 of each"):
        bench(["still"], **wrong)


def test_an_unknown_predictor_is_an_error():
    with pytest.raises(MambatrackError, match="not found"):
        bench(["stil"], objects=(1,))
