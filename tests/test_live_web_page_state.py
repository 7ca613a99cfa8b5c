"""What the live page shows of the sources."""

import re
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from mambatrack.live.updates import SourceStatus
from mambatrack.live.web.metrics import metrics_text
from mambatrack.live.web.page_state import Changed, LiveState, file_names


def state_of(*names):
    return LiveState(SimpleNamespace(paused=False), names)


def test_passwords_of_streams_are_shown_to_nobody():
    state = state_of("rtsp://joe:secret@cam/1?key=secret")
    status = SourceStatus("rtsp://joe:secret@cam", "lost", error="rtsp://joe:secret@cam: refused")
    state.take(Changed(0, status))
    assert "secret" not in repr(state.sources[0].status) + metrics_text(state, 0)
    assert state.sources[0].status.state == "lost"


def test_files_are_called_as_their_source():
    assert file_names(["front door", "cam/1"]) == ["front-door", "cam-1"]
    assert file_names(["door", "door #2"]) == ["door", "door-2"]
    assert file_names(["Tür", "T r"]) == ["T-r-0", "T-r-1"]
    assert file_names(["門"]) == ["source-0"]


@given(st.lists(st.text(max_size=100), max_size=6))
def test_names_of_files_are_plain_and_differ(names):
    found = file_names(names)
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,84}", each, re.ASCII) for each in found)
