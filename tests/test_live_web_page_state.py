"""What the live page shows of the sources."""

from types import SimpleNamespace

from mambatrack.live.updates import SourceStatus
from mambatrack.live.web.metrics import metrics_text
from mambatrack.live.web.page_state import Changed, LiveState


def state_of(*names):
    return LiveState(SimpleNamespace(paused=False), names)


def test_passwords_of_streams_are_shown_to_nobody():
    state = state_of("rtsp://joe:secret@cam/1?key=secret")
    status = SourceStatus("rtsp://joe:secret@cam", "lost", error="rtsp://joe:secret@cam: refused")
    state.take(Changed(0, status))
    assert "secret" not in repr(state.sources[0].status) + metrics_text(state, 0)
    assert state.sources[0].status.state == "lost"
