"""Files that are begun anew every so many hours."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from few_tracks import make_tracks
from mambatrack.live.renewal import Renewal, RenewedOutputs
from mambatrack.runs.output_files import OutputFiles, text_writers
from mambatrack.runs.run_outputs import TextOutput
from mambatrack.sources.frames import Frame

NOTHING = np.zeros((0, 0, 3), np.uint8)


class Clock:
    def __init__(self, now):
        self.now = datetime.fromisoformat(now)

    def __call__(self):
        return self.now

    def later(self, hours):
        self.now += timedelta(hours=hours)


def renewals(now, hours, steps):
    """How many there were after each step of the clock, in hours."""
    clock = Clock(now)
    renewal = Renewal([], hours, list, clock)
    counts = []
    for step in steps:
        clock.later(step)
        renewal.turn()
        counts.append(renewal.count)
    return counts


@pytest.mark.parametrize(
    ("now", "hours", "steps", "counts"),
    [
        ("2026-11-30T22:30", 24, [1, 0.4, 0.2, 23, 1], [0, 0, 1, 1, 2]),
        ("2026-11-30T22:30", 1, [0.4, 0.2, 0.9, 3], [0, 1, 2, 3]),
        ("2026-11-30T22:30", 1, [0.6, -1, 1, 1], [1, 1, 1, 2]),  # a clock that is set back
        ("2026-11-30T22:30", None, [100], [0]),
    ],
)
def test_files_are_begun_at_full_hours_from_midnight_on(now, hours, steps, counts):
    assert renewals(now, hours, steps) == counts


def test_every_frame_is_in_one_file_and_all_sources_have_one_name(tmp_path):
    clock = Clock("2026-11-30T22:58")

    def named():
        name = tmp_path / f"{clock.now:%H}"
        return [OutputFiles(mot=f"{name}-{source}.txt") for source in (0, 1)]

    def opened(files, stack):
        return [TextOutput(stack.enter_context(each)) for each in text_writers(files, ())]

    renewal = Renewal(named(), 1, named, clock)
    outputs = [RenewedOutputs(renewal, source, opened) for source in (0, 1)]
    for number in range(4):
        for output in outputs:
            output.write(Frame(number, 0.0, NOTHING), make_tracks(number))
        clock.later(1 / 60)
    for output in outputs:
        output.close()
    for source in (0, 1):
        frames = [
            [line.split(",")[0] for line in (tmp_path / f"{hour}-{source}.txt").open()]
            for hour in (22, 23)
        ]
        assert frames == [["1", "2"], ["3", "4"]]


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path):
    closed = []

    def opened(files, stack):
        stack.callback(closed.append, True)
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        RenewedOutputs(Renewal([OutputFiles()]), 0, opened)
    assert closed == [True]
