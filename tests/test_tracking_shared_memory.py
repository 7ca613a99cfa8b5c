"""A memory of several cameras: an id is one person in all of them."""

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.cli import main
from mambatrack.settings import MemoryConfig
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.state_file import StateFile
from test_tracking_memory import BLUE, GREEN, GREY, PLAIN, RATE, RED, SIZE, VISIT, frames_of

SHARED = MemoryConfig(seconds=60.0, shared=True)


def group_of(memory=SHARED, count=2, **settings):
    from mambatrack.config import TrackerConfig

    group = TrackerGroup(
        TrackerConfig(max_age=10, min_hits=1, **settings), count, embedder=PLAIN, memory=memory
    )
    for number in range(count):
        group.resize(number, SIZE)
    return group


def visits_of(*visits):
    """Pictures and boxes of one camera; None: nobody is there for the time of a visit."""
    nothing = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    for colours in visits:
        if colours is None:
            yield from [(nothing, [])] * (VISIT + 15)
        else:
            yield from frames_of(colours)


def run(group, *cameras, first=0):
    """The tracks of each camera, by frame."""
    results = []
    for number, frames in enumerate(zip(*cameras, strict=True), start=first):
        time_s = number / RATE
        due = {index: (boxes, time_s) for index, (_, boxes) in enumerate(frames)}
        images = {index: picture for index, (picture, _) in enumerate(frames)}
        results.append(group.update(due, images=images))
    return results


def ids_of(results, camera, visit):
    """The ids at the end of a visit, by place."""
    tracks = results[visit * (VISIT + 15) + VISIT - 1][camera]
    return tracks.ids[tracks.det_ind.argsort()].tolist()


BOTH = ((RED, BLUE), None, (GREEN, GREY)), (None, (BLUE, RED), None)


def test_an_id_of_one_camera_is_taken_back_on_another():
    results = run(group_of(), *(visits_of(*each) for each in BOTH))
    first = ids_of(results, 0, 0)
    assert ids_of(results, 1, 1) == first[::-1]
    assert not set(ids_of(results, 0, 2)) & set(first)
    told = [each[1] for each in results if each[1].returned is not None and len(each[1].returned)]
    assert sorted(np.concatenate([each.returned for each in told])[:, 1].tolist()) == sorted(first)
    assert all((each.surety >= SHARED.surety).all() and (each.surety < 1).all() for each in told)


def test_without_sharing_each_camera_counts_for_itself():
    results = run(group_of(MemoryConfig(seconds=60.0)), *(visits_of(*each) for each in BOTH))
    assert ids_of(results, 0, 0) == ids_of(results, 1, 1) == [1, 2]


def test_who_is_in_view_of_both_at_once_has_one_id_where_that_is_sure():
    same = [(RED, BLUE)] * 4
    sure = run(group_of(MemoryConfig(60.0, surety=0.6, shared=True)),
               *(visits_of(*same) for _ in range(2)))  # fmt: skip
    assert ids_of(sure, 0, 3) == ids_of(sure, 1, 3)


def test_two_who_look_alike_are_two_people():
    alike = [(GREY, GREY)] * 3
    results = run(group_of(), visits_of(*alike), visits_of(*alike))
    assert not set(ids_of(results, 0, 2)) & set(ids_of(results, 1, 2))
    for frame in results:
        ids = np.concatenate([each.ids for each in frame.values()])
        assert len(np.unique(ids)) == len(ids)


@pytest.mark.parametrize("cut", [40, VISIT + 30])
def test_all_goes_on_from_a_state_file(tmp_path, cut):
    cameras = [list(visits_of(*each)) for each in BOTH]
    whole = run(group_of(), *cameras)
    before, after = group_of(), group_of()
    run(before, *(each[:cut] for each in cameras))
    file = StateFile(tmp_path / "state")
    file.save({str(at): each.state_dict() for at, each in enumerate(before.trackers)})
    for at, state in file.load().items():
        after.trackers[int(at)].load_state_dict(state)
    rest = run(after, *(each[cut:] for each in cameras), first=cut)
    for one, other in zip(whole[cut:], rest, strict=True):
        assert [one[at].ids.tolist() for at in one] == [other[at].ids.tolist() for at in other]


def test_a_state_that_does_not_fit_changes_nothing():
    group = group_of()
    run(group, *([*visits_of(*each)][: VISIT + 14] for each in BOTH))
    gallery = group.trackers[0].state.memory.gallery
    kept, state = gallery.ids.tolist(), group.trackers[0].state_dict()
    assert kept
    for name, damaged in [("similarities", np.zeros(3)), ("gallery.together", np.full(2, np.nan))]:
        with pytest.raises(MambatrackError, match="does not fit"):
            group.trackers[0].load_state_dict({**state, name: damaged})
        assert gallery.ids.tolist() == kept


def test_a_reset_forgets_what_that_camera_saw():
    group = group_of()
    run(group, visits_of((RED, BLUE), None), visits_of((GREEN, GREY), None))
    gallery = group.trackers[0].state.memory.gallery
    assert len(gallery) == 4
    group.trackers[0].reset()
    assert gallery.sources.tolist() == [1, 1]


def test_a_forecast_has_the_ids_that_are_put_out():
    group = group_of()
    frames = [[*visits_of(*each)][: 2 * VISIT] for each in BOTH]
    tracks = run(group, *frames)[-1][1]
    assert group.trackers[1].forecast(3).ids.tolist() == tracks.ids.tolist() == [1, 2]


@pytest.mark.parametrize("count", [1, 2])
def test_a_memory_that_keeps_nothing_cannot_be_shared(count):
    with pytest.raises(MambatrackError, match="nothing is kept in it; give the seconds"):
        group_of(MemoryConfig(shared=True), count)


def test_one_tracker_has_nobody_to_share_with():
    with pytest.raises(MambatrackError, match="for several sources that are tracked together"):
        Tracker(embedder=PLAIN, memory=SHARED)


@pytest.fixture
def state(tmp_path):
    group = group_of()
    run(group, visits_of((RED, BLUE), None), visits_of((GREEN, GREY), None))
    file = StateFile(tmp_path / "state")
    names = ("door", "yard")
    file.save(dict(zip(names, (each.state_dict() for each in group.trackers), strict=True)))
    return file


def kept(file):
    return {name: each["gallery.ids"].tolist() for name, each in file.load().items()}


def test_the_gallery_of_several_cameras_is_edited(state, capsys):
    assert kept(state) == {"door": [1, 2], "yard": [3, 4]}
    assert main(["gallery", str(state.path), "--merge", "1", "3"]) == 0
    assert kept(state) == {"door": [1, 2], "yard": [4]}
    assert main(["gallery", str(state.path), "--forget", "1", "4"]) == 0
    assert kept(state) == {"door": [2], "yard": []}
    assert main(["gallery", str(state.path), "--merge", "1", "2"]) == 1
    assert "the gallery has no id '1'; it has 2" in capsys.readouterr().err
