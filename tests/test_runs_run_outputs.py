"""Gaps as lines of their own between those of the frames."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mambatrack.config import TrackerConfig
from mambatrack.gaps.filling import Filled
from mambatrack.gaps.revisions import Reviser
from mambatrack.outputs.text import jsonl_writer
from mambatrack.runs.run_outputs import RevisedOutput
from mambatrack.sources.frames import Frame
from mambatrack.tracking.tracker import Tracker


class Straight:
    """Fills gaps with the straight line."""

    q = 10

    def __call__(self, gaps):
        filled = []
        for frames, boxes, later_frames, later in gaps:
            missing = np.arange(frames[-1] + 1, later_frames[0])
            share = (missing - frames[-1])[:, None] / (later_frames[0] - frames[-1])
            line = boxes[-1] + share * (later[0] - boxes[-1])
            filled.append(Filled(missing, line.astype(np.float32), np.ones_like(line)))
        return filled


def written(path, hidden, stride):
    """Lines of a track that is hidden in frames ``hidden`` of 30; every stride-th was tracked."""
    tracker = Tracker(TrackerConfig("still", association="overlap"))
    with jsonl_writer(path) as writer:
        output = RevisedOutput(writer, Reviser(filler=Straight()))
        for count in range(30):
            x = 100.0 + 3 * count
            seen = [] if count in hidden else [[x, 50, x + 40, 150, 1]]
            tracks = replace(tracker.update(seen), frame=stride * count)
            output.write(Frame(stride * count, 0.0, np.zeros((1, 1, 3), np.uint8)), tracks)
        output.close()
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("stride", [1, 3])
def test_a_gap_is_written_once_with_the_numbers_of_its_frames(tmp_path, stride):
    lines = written(tmp_path / "a.jsonl", range(12, 18), stride)
    (at,) = (number for number, line in enumerate(lines) if "revision" in line)
    revision = lines.pop(at)["revision"]
    assert revision["id"] == 1 and revision["gap"] == 6
    assert revision["frames"] == [stride * count for count in range(12, 18)]
    assert [line["frame"] for line in lines] == [stride * count for count in range(30)]
    assert lines[at - 1]["frame"] > revision["frames"][-1]
    lefts = np.array([box[0] for box in revision["boxes"]])
    np.testing.assert_allclose(lefts, 100 + 3 * np.arange(12, 18), atol=0.01)


def test_no_gap_is_no_line_and_one_at_the_end_is_not_lost(tmp_path):
    assert len(written(tmp_path / "a.jsonl", [], 3)) == 30
    lines = written(tmp_path / "b.jsonl", range(24, 29), 1)
    assert lines[-1]["revision"]["frames"] == [24, 25, 26, 27, 28] and len(lines) == 31
