"""Which tracks a picture shows, how clearly, and what their labels say."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, make_tracks
from mambatrack.outputs.drawing.colours import GREY
from mambatrack.outputs.drawing.rules import LabelKind, Rules
from mambatrack.settings import DrawingConfig

SIZE = (1280, 720)
NEAR = (4.0, 4.0, 4.0, 4.0)


def row_of_people(count, step=120):
    """[count, 4] boxes side by side, far enough apart for their labels."""
    return [(20 + step * each, 200, 80 + step * each, 380) for each in range(count)]


def tracks_of(frame, states, boxes=None, spread=NEAR, **columns):
    count = len(states)
    return make_tracks(
        frame, row_of_people(count) if boxes is None else boxes, states,
        spread=np.tile(np.array(spread, np.float32), (count, 1)), **columns,
    )  # fmt: skip


def shown_after(seen, hidden, rules=None, spread=NEAR, others=1):
    """The opacities of a track that is seen, then hidden, for so many frames, beside others."""
    rules = rules or Rules(fps=25.0)
    opacity = []
    for frame in range(seen + hidden):
        state = OBSERVED if frame < seen else PREDICTED
        tracks = tracks_of(frame, [OBSERVED] * others + [state], spread=spread)
        opacity.append(float(rules.update(tracks, SIZE).opacity[-1]))
    return opacity[seen:]


def test_a_hidden_track_fades_for_about_a_second():
    opacity = np.array(shown_after(50, 60))
    assert (np.diff(opacity) <= 0).all()
    assert opacity[0] > 0.8
    assert 20 <= (opacity > 0).sum() <= 26
    assert opacity[opacity > 0].min() < 0.3


def test_seconds_count_and_not_frames():
    counts = {fps: np.count_nonzero(shown_after(3 * fps, 2 * fps, Rules(fps=fps)))
              for fps in (10, 50)}  # fmt: skip
    assert counts[10] / 10 == pytest.approx(counts[50] / 50, abs=0.15)


def test_time_stamps_go_before_the_rate():
    rules, drawn = Rules(fps=1000.0), []
    for frame in range(40):
        state = OBSERVED if frame < 20 else PREDICTED
        tracks = tracks_of(frame, [OBSERVED, state], time_s=frame / 10)
        drawn.append(bool(rules.update(tracks, SIZE).drawn[1]))
    assert 9 <= sum(drawn[20:]) <= 11


@pytest.mark.parametrize("times", [(None, None), (5.0, 4.0), (0.0, float("inf")), (1.0, 1.0)])
def test_times_that_do_not_ascend_leave_the_rate(times):
    rules = Rules(fps=10.0)
    assert [rules.step(each) for each in times][1] == pytest.approx(0.1)


def test_a_track_that_was_hardly_seen_is_hardly_drawn():
    counts = [np.count_nonzero(shown_after(seen, 60)) for seen in (1, 3, 50)]
    assert counts[0] <= counts[1] < counts[2] / 2


def test_one_that_flickers_counts_by_the_share_in_which_it_is_seen():
    rules = Rules(fps=25.0)
    for frame in range(100):
        state = OBSERVED if frame % 8 == 0 else PREDICTED
        rules.update(tracks_of(frame, [OBSERVED, state]), SIZE)
    assert np.count_nonzero(shown_after(0, 60, rules)) <= 12


def test_a_hidden_track_goes_when_its_place_is_not_known():
    sure, vague, lost = (shown_after(50, 5, spread=(x, 4, 4, 4))[0] for x in (20, 45, 61))
    assert sure > vague > lost == 0


def test_seconds_are_a_setting():
    longer = Rules(DrawingConfig(hidden_s=2.0), fps=25.0)
    assert 45 <= np.count_nonzero(shown_after(100, 100, longer)) <= 51
    never = Rules(DrawingConfig(hidden_s=0.0), fps=25.0)
    assert not any(shown_after(100, 10, never))


def test_the_layer_lost_can_be_left_out():
    rules = Rules(DrawingConfig(layers=("boxes",)), fps=25.0)
    assert not any(shown_after(50, 10, rules))


def test_the_likelier_of_the_hidden_stay_where_there_are_more_of_them_than_seen():
    spread = np.full((5, 4), 4, np.float32)
    spread[[2, 4], 0] = 50
    states = [OBSERVED, OBSERVED, PREDICTED, PREDICTED, PREDICTED]
    shown = Rules().update(make_tracks(0, row_of_people(5), states, spread=spread), SIZE)
    assert shown.drawn.tolist()[:2] == [True, True]
    assert shown.drawn[3] and (shown.seen, shown.hidden) == (2, 2)


def test_a_lone_person_may_be_hidden():
    shown = Rules().update(tracks_of(0, [PREDICTED]), SIZE)
    assert (shown.seen, shown.hidden) == (0, 1)


def test_a_hidden_box_below_another_one_is_not_drawn():
    boxes = [(100, 100, 200, 300), (102, 100, 202, 300), (400, 100, 500, 300), (401, 100, 501, 300)]
    states = [OBSERVED, PREDICTED, PREDICTED, PREDICTED]
    shown = Rules().update(tracks_of(0, [*states, OBSERVED, OBSERVED], [
        *boxes, (700, 0, 750, 90), (800, 0, 850, 90)]), SIZE)  # fmt: skip
    assert not shown.drawn[1]
    assert shown.drawn[2] != shown.drawn[3]


def test_a_hidden_box_that_left_the_picture_is_not_drawn():
    boxes = [(-40, 100, 20, 300), (-20, 100, 60, 300), (200, 100, 260, 300), (300, 100, 360, 300)]
    gaps = np.array([2, 2, 0, 0])
    tracks = tracks_of(0, [PREDICTED] * 2 + [OBSERVED] * 2, boxes, gap=gaps)
    assert Rules().update(tracks, SIZE).drawn.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    "box", [(1, 100, 60, 300), (1220, 100, 1279, 300), (300, 0, 360, 200), (300, 540, 360, 719)]
)
def test_a_hidden_box_at_the_border_goes_sooner(box):
    rules, drawn = Rules(fps=25.0), []
    for frame in range(75):
        states = [OBSERVED, OBSERVED if frame < 50 else PREDICTED]
        shown = rules.update(tracks_of(frame, states, [(600, 300, 660, 500), box]), SIZE)
        drawn.append(bool(shown.drawn[1]))
    assert 6 <= sum(drawn[50:]) <= 9


def test_wild_boxes_are_not_drawn():
    boxes = [[np.nan] * 4, [-np.inf, 10, np.inf, 20], [50, 50, 10, 90], [1400, 10, 1500, 90]]
    shown = Rules().update(tracks_of(0, [OBSERVED, PREDICTED, OBSERVED, OBSERVED], boxes), SIZE)
    assert not shown.drawn.any() and not shown.opacity.any()
    assert (shown.labels == LabelKind.NONE).all()


def test_a_tentative_track_is_grey_and_has_no_label():
    shown = Rules().update(tracks_of(0, [TENTATIVE, OBSERVED]), SIZE)
    assert tuple(shown.colours[0]) == GREY != tuple(shown.colours[1])
    assert shown.labels.tolist() == [LabelKind.NONE, LabelKind.FULL]
    assert 0 < shown.opacity[0] < shown.opacity[1] == 1
    assert (shown.seen, shown.hidden) == (1, 0)


def test_labels_shrink_to_the_id_in_a_crowd_and_do_not_flicker():
    rules, kinds = Rules(fps=25.0, names=("person",)), []
    for frame in range(60):
        step = 30 if 20 <= frame < 40 or frame == 10 else 200
        tracks = tracks_of(frame, [OBSERVED] * 5, row_of_people(5, step))
        kinds.append(int(rules.update(tracks, SIZE).labels[1]))
    assert kinds[:20] == [LabelKind.FULL] * 20, "one frame changed the labels"
    assert kinds[39] == LabelKind.ID and kinds[59] == LabelKind.FULL
    assert np.count_nonzero(np.diff(kinds)) == 2


def test_the_text_says_what_the_layers_ask_for():
    tracks = tracks_of(0, [OBSERVED], scores=np.array([0.5], np.float32), ids=np.array([7]))
    texts = {
        layers: Rules(DrawingConfig(layers=layers), names=("person",)).text(tracks, 0)
        for layers in (("ids",), ("ids", "labels"), ("labels", "scores"), ("boxes",))
    }
    assert list(texts.values()) == ["7", "7 person", "person 0.50", ""]
    assert Rules(names=("person",)).text(tracks, 0, LabelKind.ID) == "7"
    assert Rules().text(tracks, 0) == "7", "a class without a name is left out"


def test_labels_are_as_high_as_picture_and_boxes_ask_for():
    def plate(size, height, **settings):
        tracks = make_tracks(0, [(10, 10, 40, 10 + height)])
        return Rules(DrawingConfig(**settings)).update(tracks, size).plate

    small, plain, large = (plate(size, 150) for size in ((426, 240), (1280, 720), (3840, 2160)))
    assert small < plain < large
    assert plate((3840, 2160), 40) < large, "labels higher than their boxes"
    assert plate((6240, 1080), 400) > plate((1920, 1080), 400), "a panorama is a large picture"
    assert plate((1280, 720), 150, scale=2.0) == pytest.approx(2 * plain, abs=1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([OBSERVED, PREDICTED, TENTATIVE, None]), min_size=6, max_size=240))
def test_there_are_never_more_hidden_boxes_than_seen_ones_but_for_one(states):
    rules, boxes = Rules(fps=25.0), np.array(row_of_people(6))
    for frame in range(len(states) // 6):
        there = [each for each in range(6) if states[6 * frame + each] is not None]
        tracks = tracks_of(
            frame, [states[6 * frame + each] for each in there], boxes[there],
            ids=np.array(there, np.int64) + 1,
        )  # fmt: skip
        shown = rules.update(tracks, SIZE)
        tentative = int(shown.drawn[tracks.state == TENTATIVE].sum())
        assert shown.hidden <= max(shown.seen + tentative, 1)
        drawn = shown.seen + shown.hidden + tentative
        assert drawn == shown.drawn.sum() == np.count_nonzero(shown.opacity)
        assert ((shown.opacity >= 0) & (shown.opacity <= 1)).all()
        assert not shown.labels[~shown.drawn].any()


def test_rules_need_no_opencv():
    code = "import mambatrack.outputs.drawing.rules, sys; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_labels_leave_out_the_class_of_a_source_that_tells_none():
    tracks = tracks_of(0, [OBSERVED])
    identity = str(tracks.ids[0])
    assert Rules(names=("person",)).text(tracks, 0) == f"{identity} person"
    assert Rules(names=("object",)).text(tracks, 0) == Rules().text(tracks, 0) == identity
