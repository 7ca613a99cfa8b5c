"""Counters of a session for Prometheus."""

import numpy as np

from live_session import page_of, wait_for
from mambatrack.camera.interface import Travel
from mambatrack.counting.places import parse_places
from mambatrack.live.updates import SourceStatus
from mambatrack.live.web.metrics import metrics_text
from mambatrack.live.web.page_state import Changed, Tracked
from test_live_web_page_state import state_of
from test_live_web_track_log import tracks


def test_metrics_are_well_formed_whatever_a_source_is_called():
    state = state_of('a "door"\n\\', "yard")
    status = SourceStatus("x", "open", fps=9.5)
    state.take(Tracked(0, status, tracks(3), ("person",), 2.0, 1.0, 0.0, (64, 48)))
    lines = metrics_text(state, 3).splitlines()
    assert r'mambatrack_frames_total{source="0",name="a \"door\"\n\\"} 0' in lines
    assert 'mambatrack_source_up{source="1",name="yard"} 0' in lines
    assert r'mambatrack_tracks{source="0",name="a \"door\"\n\\",state="observed"} 2' in lines
    assert "mambatrack_web_clients 3" in lines
    helped = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    samples = [line for line in lines if not line.startswith("#")]
    assert {line.split("{")[0].split()[0] for line in samples} == helped
    assert all(np.isfinite(float(line.rsplit(" ", 1)[1])) for line in samples)


def test_the_travel_of_a_camera_is_counted_where_it_is_told():
    state = state_of("door", "yard")
    assert "camera" not in metrics_text(state, 0)
    travel = Travel(frames=4, known=3, unknown=1, cuts=1, pixels=10.5, certainty=2.25)
    state.take(Changed(1, SourceStatus("x", "open", camera=travel)))
    told = [line for line in metrics_text(state, 0).splitlines() if line.startswith("mambatrack_c")]
    source = '{source="1",name="yard"}'
    assert told == [
        f"mambatrack_camera_frames_total{source} 4",
        f"mambatrack_camera_known_frames_total{source} 3",
        f"mambatrack_camera_unknown_frames_total{source} 1",
        f"mambatrack_camera_cuts_total{source} 1",
        f"mambatrack_camera_moved_pixels_total{source} 10.5",
        f"mambatrack_camera_certainty_total{source} 2.25",
    ]


def test_lines_and_zones_are_told_by_class():
    places = parse_places(['a "gate":160,0,160,180'], ["all:0,0;320,0;320,180;0,180"])
    with page_of(("door",), frames=5, places=places) as (_, page):
        state = page._state
        wait_for(lambda: state.sources[0].status.frames == 5)
        lines = metrics_text(state, 0).splitlines()
    source = 'source="0",name="door"'
    assert f'mambatrack_zone_inside{{{source},zone="all",class="person"}} 4' in lines
    assert rf'mambatrack_corrected_counts_total{{{source},place="a \"gate\""}} 0' in lines
    assert f'mambatrack_place_people{{{source},place="all"}} 4' in lines
    assert not any("dwell" in line for line in lines)  # nobody has left
