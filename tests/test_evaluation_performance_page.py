"""The measured part of a page."""

import re
from dataclasses import replace

import pytest

from mambatrack.errors import MambatrackError
from mambatrack.evaluation.benchmark_report import BenchReport, Row
from mambatrack.evaluation.peers.results import OURS, Peer, PeerReport
from mambatrack.evaluation.performance_page import BEGIN, END, Page, beside, measured_part
from test_evaluation_peers_results import answer, timed
from test_evaluation_profile_report import found

TEXT = f"# Performance\n\nProse.\n\n{BEGIN}\nold figures\n{END}\n\n## More\n"


def others(**more) -> PeerReport:
    """Ours takes 1 ms, ByteTrack of trackers 4 ms."""
    peers = {
        OURS: Peer("1.0", None, [answer([1.0])]),
        "mambatrack overlap kalman": Peer("1.0", None, [answer([0.5])]),
        "trackers ByteTrack": Peer("2.6", None, [answer([4.0])]),
        **more,
    }
    foreign = ("trackers", "trackforge")
    return PeerReport(peers, {"trackforge": "gone"}, [timed("5 objects", 1)], None, (), foreign)


def own() -> BenchReport:
    row = Row("mamba", "100 objects", "apart", 90.0, 90.0, 1.8, 2, 1, 1, 9, 9, 1000)
    rows = row, replace(row, boxes="1000 objects", people=900.0, median_ms=36.0)
    return BenchReport(
        rows, (100, 1000), 100, 3, 0, "a machine", 0.1, {}, 1.0, ("data/val", 2), found()
    )  # fmt: skip


def test_only_what_is_between_the_marks_is_written(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(TEXT)
    Page.open(page, overwrite=True).write("new figures\n\n")
    assert page.read_text() == TEXT.replace("old", "new")
    with pytest.raises(MambatrackError, match="exists"):
        Page.open(page, overwrite=False)


def test_a_page_without_marks_is_left_as_it_is(tmp_path):
    page = tmp_path / "performance.md"
    for text in ("# Mine\n", f"{BEGIN}\nno end\n", f"{END}\n{BEGIN}\n"):
        page.write_text(text)
        with pytest.raises(MambatrackError, match="has no lines <!-- written"):
            Page.open(page, overwrite=True)
        assert page.read_text() == text


def test_a_new_page_has_the_marks(tmp_path):
    page = tmp_path / "new.md"
    Page.open(page, overwrite=False).write("figures")
    assert page.read_text() == f"{BEGIN}\nfigures\n{END}\n"
    Page.open(page, overwrite=True).write("others")
    assert page.read_text() == f"{BEGIN}\nothers\n{END}\n"


def test_ours_stands_as_a_multiple_of_the_others_that_are_there():
    section = beside(others())
    rows = {name: cells for name, *cells in section.rows}
    assert rows[f"{OURS} / trackers ByteTrack"] == ["0.25"]
    assert rows[f"**{OURS}**"] == ["1.000"]
    assert not any("trackforge" in name for name in rows)
    assert "Not there: trackforge" in section.note
    both = beside(others(**{"trackforge ByteTrack": Peer("0.4", None, [answer([0.25])])}))
    rows = {name: cells for name, *cells in both.rows}
    assert rows["mambatrack overlap kalman / trackforge ByteTrack"] == ["2.00"]


def test_the_part_names_its_command_and_begins_with_what_is_asked_most():
    part = measured_part(own(), others())
    assert part.startswith("    OMP_NUM_THREADS=1 mambatrack bench --page docs/performance.md")
    for said in (
        "--dataset data/val",
        "--peer trackforge=PYTHON",
        "--passes 3",
        "mamba --objects 100 1000 ",
    ):
        assert said in part
    titles = [line for line in part.splitlines() if line.startswith("### ")]
    assert titles[:2] == ["### In short", "### Beside other trackers"]
    assert re.search(r"\| a person of 1000 objects against one of 100 objects +\| 2.00 times", part)
    assert max(len(line) for line in part.splitlines() if not line.startswith("|")) <= 100
