import dataclasses
import io
import json
import tracemalloc

import numpy as np
import pytest
from rich.console import Console

from mambatrack import MambatrackError
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.benchmark import _row, bench
from mambatrack.evaluation.benchmark_report import BenchReport, Row
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, apart
from mambatrack.motion.classical import StillPredictor
from mambatrack.track_table import TrackTable


@pytest.fixture(scope="module")
def report():
    return bench(["kalman", "still"], objects=(3, 12), frames=WARM_UP + 4, passes=2)


def test_every_predictor_is_measured_with_every_number_of_objects(report):
    assert [(each.boxes, each.predictor) for each in report.rows] == [
        (boxes, predictor)
        for boxes in ("3 objects", "3 who meet", "12 objects", "12 who meet")
        for predictor in ("kalman", "still")
    ]
    for row in report.rows:
        assert 0 < row.predict_ms < row.median_ms <= row.p99_ms and row.rest_ms > 0
        assert 0.8 * row.people <= row.tracks < 2.5 * row.people
        assert row.peak_kb > row.kept_kb > 0
    with pytest.raises(KeyError):
        report.row("kalman", "4 objects")
    assert report.memory_mb > 20 and not tracemalloc.is_tracing()


def test_the_size_of_a_track_is_that_of_its_row(report):
    kalman, still = (report.row(name, "3 objects").track_bytes for name in ("kalman", "still"))
    beside = 20 + 4  # a filter and the box without it, which stand beside what is no filter
    assert kalman - still == 4 * (20 - StillPredictor.state_size - beside)
    table = TrackTable(0, load_association(TrackerConfig()).memory_size)
    columns = sum(each[0].nbytes for each in table._columns.arrays.values())
    assert still == columns + 4 * StillPredictor.state_size


def test_a_person_who_meets_others_is_compared_with_one_among_as_many():
    same = {"tracks": 1, "p99_ms": 1, "predict_ms": 1, "rest_ms": 1, "peak_kb": 1, "kept_kb": 1}
    rows = [
        Row("still", boxes, kind, people, median_ms=ms, track_bytes=1, **same)
        for boxes, kind, people, ms in (
            ("10 objects", "apart", 9.0, 9.0), ("100 objects", "apart", 90.0, 45.0),
            ("real boxes", "real", 20.0, 60.0),
        )
    ]  # fmt: skip
    rows.append(dataclasses.replace(rows[0], predictor="kalman", median_ms=1.0))
    found = BenchReport(
        tuple(rows), (10, 100), 21, 1, 0, "a machine", 3.2, {}, 1.0, ("data/val", 13)
    )
    assert found.beside_apart(found.row("still", "real boxes")) == pytest.approx(3 / 1)
    said = found.conditions()
    assert "busy machine (load 3.2 before)" in said and "13 sequences of data/val" in said
    assert "an idle machine" in dataclasses.replace(found, load=0.1).conditions()


def test_the_report_as_table_document_and_json(report):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(*report.tables())
    text = console.export_text()
    assert "p99 ms" in text and "numpy" in text and text.count("kalman") == 4
    lines = report.markdown().splitlines()
    assert lines[0].startswith("| boxes") and sum(line.startswith("|") for line in lines) == 10
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


def test_what_others_cost_does_not_count():
    boxes = apart(3, WARM_UP + 3)
    spent = np.full((2, 3, 3), 1e6)  # of two passes with three frames
    spent[0, :, 0], spent[1, :, 0] = [3e6, 9e6, 5e6], [8e6, 4e6, 5e6]
    row = _row("still", boxes, spent, (2000.0, 1000.0, 100))
    assert (row.median_ms, row.predict_ms, row.rest_ms) == (4, 1, 3)
    assert row.p99_ms == pytest.approx(9, abs=0.1) and row.tracks == 1e6
