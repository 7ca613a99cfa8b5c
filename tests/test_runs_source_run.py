"""Frames, detector, tracker and outputs made into one run, and closed together."""

import json
from dataclasses import replace
from functools import partial

import pytest

from mambatrack.config import Config, DetectorConfig, TrackerConfig
from mambatrack.datasets.sequences import find_sequences
from mambatrack.detectors import open_detector
from mambatrack.errors import MambatrackError
from mambatrack.runs.output_files import OutputFiles
from mambatrack.runs.source_run import SequenceFrames, open_run
from mambatrack.simulation.world import write_sequence
from mambatrack.sources.frames import open_frames

KALMAN = Config(tracker=TrackerConfig(predictor="kalman"))


@pytest.fixture
def world(tmp_path):
    write_sequence(
        tmp_path / "walk", seed=3, people=3, frames=20, size=(320, 240), video=tmp_path / "a.mp4"
    )
    return tmp_path


@pytest.fixture
def detector(world):
    det = str(world / "walk" / "det" / "det.txt")
    return partial(open_detector, DetectorConfig(name="file", weights=det))


class Opened:
    """Sources as they were opened, and whether they are closed."""

    def __init__(self, open_source, live=False):
        self._open, self._live, self.closed = open_source, live, []

    def __call__(self):
        source, number = self._open(), len(self.closed)
        close, source.live = source.close, self._live
        self.closed.append(False)

        def closing():
            self.closed[number] = True
            close()

        source.close = closing
        return source


def tracked(source, detector, config, files, **how):
    with open_run(source, detector, config, files, **how) as (run, _):
        run.go()
    return run


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_video_and_its_sequence_give_the_same_tracks(world, detector):
    (sequence,) = find_sequences(world / "walk")
    video, frames = partial(open_frames, world / "a.mp4"), partial(SequenceFrames, sequence)
    tracked(video, detector, KALMAN, OutputFiles(jsonl=world / "a.jsonl"))
    tracked(frames, detector, KALMAN, OutputFiles(jsonl=world / "b.jsonl"))
    assert lines(world / "a.jsonl") == lines(world / "b.jsonl")
    assert len(lines(world / "a.jsonl")) == 21


def test_what_is_asked_for_is_written_and_nothing_else(world, detector):
    files = OutputFiles(mot=world / "a.txt", csv=world / "a.csv", video=world / "out.mp4")
    before = set(world.iterdir())
    run = tracked(
        partial(open_frames, world / "a.mp4", None, 4, 20, 4), detector, KALMAN, files, stride=4
    )
    assert run.frames == 4
    assert set(world.iterdir()) - before == {files.mot, files.csv, files.video}
    with open_frames(files.video) as frames:
        assert frames.fps == pytest.approx(25 / 4) and len(list(frames)) == 4


@pytest.mark.parametrize("offline", [False, True])
def test_all_sources_are_closed_at_the_end(world, detector, offline):
    source = Opened(partial(open_frames, world / "a.mp4"))
    config = replace(KALMAN, tracker=replace(KALMAN.tracker, offline=offline))
    run = tracked(source, detector, config, OutputFiles(mot=world / "a.txt"))
    assert source.closed == [True] * (1 + offline) and run.frames == 20


def test_a_failure_closes_what_is_open(world, detector):
    source = Opened(partial(open_frames, world / "a.mp4"))

    def broken():
        raise MambatrackError("no detector")

    with pytest.raises(MambatrackError, match="no detector"):
        tracked(source, broken, KALMAN, OutputFiles(mot=world / "a.txt"))
    assert source.closed == [True] and not (world / "a.txt").exists()
    with pytest.raises(MambatrackError, match="exists"):
        tracked(source, detector, KALMAN, OutputFiles(mot=world / "a.mp4"))
    assert source.closed == [True, True]
    with pytest.raises(KeyboardInterrupt):
        with open_run(source, detector, KALMAN, OutputFiles(mot=world / "a.txt")) as (run, _):
            run.go(lambda frames: interrupt() if frames == 7 else None)
    assert source.closed == [True] * 3
    assert int((world / "a.txt").read_text().splitlines()[-1].split(",")[0]) <= 7


def interrupt():
    raise KeyboardInterrupt


def test_what_comes_live_is_not_tracked_offline(world, detector):
    source = Opened(partial(open_frames, world / "a.mp4"), live=True)
    config = replace(KALMAN, tracker=replace(KALMAN.tracker, offline=True))
    with pytest.raises(MambatrackError, match="a camera or stream has to be tracked as it comes"):
        tracked(source, detector, config, OutputFiles(mot=world / "a.txt"))
    assert source.closed == [True] and not (world / "a.txt").exists()
