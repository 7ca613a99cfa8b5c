"""The status of live sources on a terminal and elsewhere."""

import sys

from mambatrack.camera.interface import Travel
from mambatrack.live import status_line
from mambatrack.live.status_line import StatusLine, describe
from mambatrack.live.updates import SourceStatus


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_line_tells_what_a_user_wants_to_know():
    status = SourceStatus("door", "lost", fps=9.96, dropped=3, latency_ms=41.4, error="no route")
    assert describe(status) == "door: lost, 10.0 frames a second, 41 ms late, 3 dropped, no route"
    assert describe(SourceStatus("a", problem="the camera moved")).endswith(", the camera moved")
    travel = Travel(frames=4, known=3, cuts=1, pixels=10, certainty=2.4)
    told = "0 dropped, the camera moved 2.5 pixels a frame in 4 frames, certainty 0.80, 1 cut"
    assert describe(SourceStatus("a", camera=travel)).endswith(told)
    assert describe(SourceStatus("a", reconnects=2)).endswith("0 dropped, 2 times lost and back")


def test_lines_come_now_and_then_where_there_is_no_terminal(capsys, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(status_line.time, "monotonic", clock)
    with StatusLine() as line, StatusLine(quiet=True) as silent:
        for clock.now in range(25):
            line.update([SourceStatus("a"), SourceStatus("b")], paused=clock.now == 20)
            silent.update([SourceStatus("c")])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("a: connecting") and "; b: connecting" in first
    assert second.endswith("; paused") and "paused" not in first


def test_a_terminal_shows_a_line_for_each_source(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with StatusLine() as line:
        line.update([SourceStatus("front"), SourceStatus("back")], paused=True)
    shown = capsys.readouterr().err
    assert "front: connecting" in shown and "back: connecting" in shown and "paused" in shown
