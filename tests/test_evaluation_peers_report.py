"""The page of a comparison with other trackers."""

from pathlib import Path

import pytest

from mambatrack.evaluation.peers.report import markdown
from mambatrack.evaluation.peers.results import OURS, Peer, PeerReport
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.evaluation.scores import Score
from test_evaluation_peers_results import answer, report, timed

SCORE = {**dict.fromkeys(Score._fields, 0), "HOTA": 51.26, "IDSW": 7}


def test_page_has_tables_versions_and_no_paths(tmp_path):
    page = markdown(report(skipped={"trackers": "not there"}))
    assert f"| **{OURS}** | 4.00 (8.75) |" in page
    assert f"| **{OURS}** | 1.00 |" in page
    assert f"| norfair ({ADAPTERS['norfair'].setting}) | 1.25 |" in page
    assert f"| **{OURS}** | 64 | 0.25 |" in page
    assert (
        "mambatrack 1.0, norfair 2.3.0" in " ".join(page.split())
        and "- trackers: not there" in page
    )
    assert "mambatrack bench --peers \\\n        --peer norfair=PYTHON \\\n" in page
    prose = [line for line in page.splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 100
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert len(tables) == 3 * 4


@pytest.mark.parametrize(
    ("dataset", "shown"),
    [("data/val", "data/val"), ("/home/me/data/dance/val", "data/dance/val"), ("/a/b/c", "b/c")],
)
def test_page_names_the_data_but_not_where_it_lies(dataset, shown):
    peers = {OURS: Peer("1.0", Score(**SCORE), [answer([1.0])])}
    page = markdown(PeerReport(peers, {}, [timed("5 objects", 1)], Path(dataset), [], ()))
    assert f"--dataset {shown} \\" in page and f"`{shown}`:" in page
    assert f"| **{OURS}** | 51.3 | 0.0 | 0.0 | 0.0 | 0.0 | 7 |" in page
    assert "/home" not in page and "/a/b" not in page
