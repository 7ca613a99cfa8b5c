"""The timeline of tracks on the live page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.live.web import timeline as timeline_module
from mambatrack.live.web.timeline import STEP_S, WINDOW_S, Timeline
from test_live_web_track_log import PREDICTED, SEEN, tracks

PACE = 1.5 * STEP_S


@given(
    st.lists(st.tuples(st.sets(st.integers(1, 6)), st.sampled_from([SEEN, PREDICTED])), max_size=30)
)
def test_spans_of_the_timeline_do_not_overlap_and_end_when_the_track_did(frames):
    timeline, last = Timeline(), {}
    for step, (ids, state) in enumerate(frames):
        now = step * PACE
        timeline.add(tracks(step, sorted(ids), state), now)
        last |= dict.fromkeys(ids, now)
    now = len(frames) * PACE
    rows = timeline.rows(now, ())
    assert [row[0] for row in rows] == sorted(last)
    for identity, _, age, spans in rows:
        edges = [edge for _, began, ended in spans for edge in (began, ended)]
        assert edges == sorted(edges, reverse=True)
        assert edges[-1] == pytest.approx(now - last[identity], abs=0.1)
        assert age == pytest.approx(edges[0], abs=0.1)


def test_the_timeline_is_bounded(monkeypatch):
    monkeypatch.setattr(timeline_module, "MOST_IDENTITIES", 20)
    timeline = Timeline()
    for step in range(500):
        timeline.add(tracks(step, [step, step + 1], step % 2 + 1), step * STEP_S)
    assert len(timeline.rows(500 * STEP_S, ())) == 20
    timeline.add(tracks(0, [999]), 501 * STEP_S + WINDOW_S)
    assert [row[0] for row in timeline.rows(502 * STEP_S + WINDOW_S, ("person",))] == [999]
    flicker = Timeline()
    for step in range(1000):
        flicker.add(tracks(step, [1], step % 2 + 1), step * STEP_S)
    assert len(flicker.rows(1000 * STEP_S, ())[0][3]) == timeline_module.MOST_SPANS
