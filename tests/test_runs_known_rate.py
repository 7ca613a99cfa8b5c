"""The time between frames, wherever frames come from: a gap is counted in frames of the model."""

import io
import json
import sys

import cv2
import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.config import load_config
from mambatrack.datasets.sequences import Trajectories, find_sequences
from mambatrack.evaluation.evaluate import Entry, evaluate
from mambatrack.evaluation.tuning.search import score_config, with_values
from mambatrack.live.session import LiveSession
from mambatrack.outputs.video import open_video_writer
from mambatrack.runs.dataset_jobs import plan, track_sequence
from mambatrack.tracking.group import TrackerGroup
from scripted_session import CONFIG, Scripted, Seeing, Watching
from worlds import write_world

RATE, SEEN, FRAMES = 25.0, 6, 9
FAST = ("--predictor", "kalman", "--association", "overlap", "--tracker.frame_rate", "25")


def config_of(**more):
    known = {"predictor": "kalman", "association": "overlap", "frame_rate": RATE} | more
    return load_config(None, {f"tracker.{key}": value for key, value in known.items()})


def world(folder, fps=5.0):
    """Somebody who stands, and is seen in the first SEEN of FRAMES frames."""
    frames = np.arange(1, FRAMES + 1)
    boxes = np.tile(np.array([100, 100, 140, 200], np.float32), (FRAMES, 1))
    truth = Trajectories(frames, np.full(FRAMES, 7), boxes)
    rows = np.array([[each, -1, 100, 100, 40, 100, 0.9] for each in frames[:SEEN]])
    write_world(folder, truth, rows)
    with (folder / "seqinfo.ini").open("a") as info:
        info.write(f"frameRate={fps:g}\n")
    return folder


def gaps(path):
    """The gap of the only track in each frame of a file of JSON Lines, None where it has ended."""
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    found = [each["tracks"] for each in lines if "tracks" in each]
    return [tracks[0]["gap"] if tracks else None for tracks in found]


def expected(steps):
    """Gaps of the frames, of which each came so many frames of the model after the one before."""
    return np.cumsum(np.array(steps) * (np.arange(len(steps)) >= SEEN)).tolist()


@pytest.mark.parametrize(("fps", "step"), [(5, 5), (10, 3), (7, 4), (14, 2), (25, 1), (50, 1)])
def test_data_sets_have_the_rate_of_their_seqinfo(tmp_path, fps, step):
    sequences = find_sequences(world(tmp_path / "data" / "a", fps))
    [job] = plan(sequences, config_of(), tmp_path / "out")
    track_sequence(job)
    assert gaps(tmp_path / "out/a.jsonl") == expected([step] * FRAMES)


def test_pictures_of_a_sequence_have_its_rate_too(tmp_path):
    folder = world(tmp_path / "data" / "a")
    (folder / "img1").mkdir()
    for number in range(1, FRAMES + 1):
        cv2.imwrite(str(folder / f"img1/{number:06}.jpg"), np.full((540, 960, 3), 90, np.uint8))
    [job] = plan(find_sequences(folder), config_of(camera="pictures"), tmp_path / "out")
    track_sequence(job)
    assert gaps(tmp_path / "out/a.jsonl") == expected([5] * FRAMES)


def test_eval_and_tune_track_in_the_time_of_the_source(tmp_path):
    sequences = find_sequences(world(tmp_path / "data" / "a"))
    young = config_of(max_age=14)  # ends in the third unseen frame, 15 frames of the model later
    found = evaluate(sequences, [Entry("run", tmp_path / "out", young)], details=True)["run"]
    assert gaps(tmp_path / "out/a.jsonl")[-3:] == [5, 10, None]
    assert len(found.details["a"].switches) == 0
    tuned = with_values(young, {"tracker.max_age": 20})
    assert tuned.tracker.frame_rate == RATE
    assert score_config(sequences, tuned).combined.IDSW == 0


def test_a_video_has_the_times_of_its_container_and_what_a_stride_drops_counts(tmp_path):
    times = [0, 0.04, 0.08, 0.2, 0.24, 0.28, 0.48, 0.68, 0.88]
    with open_video_writer(tmp_path / "clip.mp4", 25, (320, 240)) as writer:
        for time_s in times:
            writer.write(np.full((240, 320, 3), 90, np.uint8), time_s)
    folder = world(tmp_path / "data")
    source = ("--detector", "file", "--weights", str(folder / "det/det.txt"))
    for stride in (1, 2):
        out = tmp_path / f"{stride}.jsonl"
        given = ("--jsonl", str(out), "--stride", str(stride))
        assert main(["track", str(tmp_path / "clip.mp4"), *source, *FAST, *given]) == 0
    assert gaps(tmp_path / "1.jsonl") == [0] * SEEN + [5, 10, 15]
    assert gaps(tmp_path / "2.jsonl") == [0, 0, 0, 6, 16]


def test_boxes_of_another_program_have_the_times_of_their_lines(tmp_path, monkeypatch):
    lines = [
        {"time_s": number / 5, "boxes": [[100, 100, 140, 200, 0.9]] if number < SEEN else []}
        for number in range(FRAMES)
    ]
    text = "".join(json.dumps(each) + "\n" for each in lines).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    out = tmp_path / "a.jsonl"
    assert main(["track", "-", "--jsonl", str(out), *FAST]) == 0
    assert gaps(out) == expected([5] * FRAMES)


def test_live_frames_that_were_dropped_count():
    class Once(Seeing):
        """Sees the box in the first picture alone."""

        def __call__(self, image, index=0):
            found = super().__call__(image, index)
            return found if index == 0 else found.select([])

    camera, watching = Scripted(), Watching()
    session = LiveSession([camera], [Once()], TrackerGroup(CONFIG, 1), [watching])
    for skipped in (0, 0, 3):
        camera.index += skipped
        camera.show()
        session.turn()
    assert [each.tracks.gap.tolist() for each in watching.updates] == [[0], [1], [5]]
