"""Who was taken for somebody new, and is known again, has one id in the files of a run."""

import io
import json

import numpy as np
import pytest

from few_tracks import WRITERS, make_tracks
from mambatrack.errors import MambatrackError
from mambatrack.gaps.revisions import DelayedTracks, Returned, Reviser
from mambatrack.live.sightings import Sightings
from mambatrack.live.web.timeline import STEP_S, Timeline
from mambatrack.live.web.track_log import Recording
from mambatrack.outputs.drawing.rules import Rules
from mambatrack.outputs.drawing.trails import Trails
from mambatrack.outputs.lines import mot_rows
from mambatrack.outputs.text import OutputFile, TrackWriter
from mambatrack.result_files.read_results import read_recording
from mambatrack.tracks import TrackState

SEEN, HIDDEN = TrackState.OBSERVED, TrackState.PREDICTED
FRAMES = (
    # ids, hidden ones, returned
    ([3, 5], [], []),
    ([3, 5], [3], []),
    ([3, 5, 9], [3], []),
    ([3, 5], [], [[9, 3]]),
    ([3, 5], [], []),
)


def frames():
    """3 is hidden, and comes back as 9 while its box is still predicted; then it is known."""
    for number, (ids, hidden, returned) in enumerate(FRAMES):
        boxes = [(20 * each + number, 10, 20 * each + 10 + number, 40) for each in ids]
        yield make_tracks(
            number, boxes, [HIDDEN if each in hidden else SEEN for each in ids],
            time_s=number * STEP_S, ids=np.array(ids), returned=np.array(returned).reshape(-1, 2),
        )  # fmt: skip


NINE_WAS = 20 * 9 + 2  # left side of the box that was put out as 9


@pytest.mark.parametrize("kind", WRITERS)
def test_files_are_corrected_at_their_end(tmp_path, kind):
    path = tmp_path / "out"
    options = {"predicted": True} if kind == "mot" else {}
    with WRITERS[kind](path, **options) as writer:
        for tracks in frames():
            writer.write(tracks)
        said = path.read_text()
    assert (",9," in said) or ('"id":9' in said)
    told = path.read_text()
    assert ",9," not in told and '"id":9' not in told
    assert told.count("\n") == said.count("\n") - (kind != "jsonl")
    if kind == "csv":
        rows = [line.split(",") for line in told.splitlines()[1:] if line.split(",")[7] == "2"]
        assert [(row[6], float(row[0])) for row in rows] == [("3", NINE_WAS), ("5", 102)]
    else:
        recording = read_recording(path)
        assert recording.id.tolist() == [3, 5] * 5
        assert recording.boxes[4, 0] == NINE_WAS


def test_a_file_that_nobody_is_known_again_in_is_left_alone(tmp_path):
    with WRITERS["mot"](tmp_path / "out") as writer:
        for tracks in list(frames())[:3]:
            writer.write(tracks)
        inode = (tmp_path / "out").stat().st_ino
    assert (tmp_path / "out").stat().st_ino == inode


def test_json_lines_of_a_run_that_was_killed_are_read_as_known(tmp_path):
    with WRITERS["jsonl"](tmp_path / "out") as writer:
        for tracks in frames():
            writer.write(tracks)
        said = (tmp_path / "out").read_text()
    (tmp_path / "killed").write_text(said)
    whole, killed = (read_recording(tmp_path / name) for name in ("out", "killed"))
    assert killed.id.tolist() == whole.id.tolist() == [3, 5] * 5
    assert (killed.boxes == whole.boxes).all() and (killed.seen == whole.seen).all()


def test_revisions_in_json_lines_are_corrected(tmp_path):
    with WRITERS["jsonl"](tmp_path / "out") as writer:
        for tracks in frames():
            writer.write(tracks)
            if tracks.frame == 2:
                writer.note({"revision": {"id": 9, "frames": [2], "boxes": [[0, 0, 1, 1]]}})
    lines = map(json.loads, (tmp_path / "out").read_text().splitlines())
    assert [each["revision"]["id"] for each in lines if "revision" in each] == [3]


def test_what_went_to_a_stream_stays():
    raw = io.BytesIO()
    raw.close = lambda: None
    with TrackWriter(OutputFile(raw, "standard output"), mot_rows) as writer:
        for tracks in frames():
            writer.write(tracks)
    assert b"3,9," in raw.getvalue()


def test_a_file_that_cannot_be_corrected_is_kept(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mambatrack.outputs.corrected.os.path.realpath", lambda path: path)
    with pytest.raises(MambatrackError, match="cannot correct the ids in .*No space left"):
        with WRITERS["mot"](tmp_path / "out") as writer:
            for tracks in frames():
                writer.write(tracks)
            monkeypatch.setattr("mambatrack.outputs.corrected.groupby", full)
    assert "3,9," in (tmp_path / "out").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_delayed_tracks_leave_under_the_old_id():
    delayed = DelayedTracks(lag=2)
    final = [each for tracks in frames() for each in delayed.update(tracks)] + delayed.finish()
    assert [each.ids.tolist() for each in final] == [[3, 5]] * 5
    assert final[2].boxes[0, 0] == NINE_WAS and final[2].gap[0] == 0


def test_a_reviser_tells_who_came_back():
    told = []
    reviser = Reviser(on_revise=[told.append])
    for tracks in frames():
        reviser.update(tracks)
    assert told == [Returned(3, 9, 2, 3)]


def test_who_was_known_again_is_not_somebody_new_on_the_page():
    timeline, sightings, recording = Timeline(), Sightings(), Recording()
    for tracks in frames():
        timeline.add(tracks, tracks.time_s)
        recording.add(tracks)
        since = sightings.update(tracks)
    rows = timeline.rows(4 * STEP_S, ())
    assert [row[0] for row in rows] == [3, 5]
    edges = [edge for _, began, ended in rows[0][3] for edge in (began, ended)]
    assert edges == sorted(edges, reverse=True) and rows[0][2] == pytest.approx(4 * STEP_S, abs=0.1)
    assert all(line.split(",")[1] != "9" for line in "".join(recording.text("mot")).splitlines())
    assert since == (0, 0)


def test_a_trail_goes_on_under_the_old_id():
    rules, trails = Rules(), Trails()
    for tracks in frames():
        trails.update(tracks, rules.update(tracks, (640, 480)))
    assert trails.ids.tolist() == [3, 5]
    points, _, _ = trails.lines(0)
    assert points[:, 0].min() > NINE_WAS - 20 or len(points) == 3
