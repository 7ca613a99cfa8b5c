"""Kills a tracker that keeps its state, again and again, and checks that it goes on as if nothing
had been.

    python demo/kill_test.py [--kills 50] [--every 0.2] [--seed 0]

A child process tracks a synthetic world, saves its state every few tenths of a second and writes
each result as a line of JSON. It is killed (SIGKILL) at a random moment and started anew, until it
was killed often enough. In the end every line of every attempt must be the one of a run that nobody
disturbed: same frame, same ids, same boxes.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from mambatrack import StateFile, Tracker, Tracks, simulate

SOURCE = "world"


def as_line(tracks: Tracks) -> dict[str, Any]:
    return {
        "frame": tracks.frame, "ids": tracks.ids.tolist(), "boxes": tracks.boxes.tolist(),
        "ended": tracks.ended.tolist(),
    }  # fmt: skip


def track(folder: Path, every_s: float) -> None:
    """The child: goes on from the state, and never stops by itself."""
    file, tracker = StateFile(folder / "state", every_s), Tracker(image_size=(960, 540))
    states = file.load()
    if states:
        tracker.load_state_dict(states[SOURCE])
    with (folder / "lines.jsonl").open("a") as lines:
        print(json.dumps({"start": tracker.frame}), file=lines, flush=True)
        for frame in itertools.islice(simulate(seed=0), tracker.frame, None):
            line = as_line(tracker.update(frame.detections))
            print(json.dumps(line), file=lines, flush=True)
            if file.due():
                file.save({SOURCE: tracker.state_dict()})


def kill_once(folder: Path, every_s: float, chance: random.Random) -> None:
    """Lets a child run for a random while after it has begun to track."""
    lines = folder / "lines.jsonl"
    before = lines.stat().st_size if lines.exists() else 0
    command = [sys.executable, __file__, "--child", "--folder", folder, "--every", str(every_s)]
    with subprocess.Popen(command) as child:
        while not lines.exists() or lines.stat().st_size == before:
            if child.poll() is not None:
                raise SystemExit("the child did not start")
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 10 * every_s))
        child.kill()


def read_attempts(lines: TextIO) -> list[list[dict[str, Any]]]:
    """The whole lines of each attempt; the last one of an attempt may be cut."""
    attempts: list[list[dict[str, Any]]] = []
    for text in lines:
        # a line cut by the kill is followed, without a break, by the next attempt's first
        text = text[text.rindex('{"start"') :] if '{"start"' in text else text
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if "start" in line:
            attempts.append([line])
        else:
            attempts[-1].append(line)
    return attempts


def check(attempts: list[list[dict[str, Any]]]) -> tuple[int, int, float]:
    """-> frames that were tracked, ids that were given, and the most frames tracked anew."""
    reached, anew, last_id = 0, 0, 0
    told = [line for attempt in attempts for line in attempt[1:]]
    expected = []
    tracker = Tracker(image_size=(960, 540))
    frames = max((line["frame"] for line in told), default=-1) + 1
    for frame in itertools.islice(simulate(seed=0), frames):
        expected.append(json.dumps(as_line(tracker.update(frame.detections))))
        last_id = tracker.started
    for start, *lines in attempts:
        assert start["start"] <= reached, "frames were skipped"
        anew = max(anew, reached - start["start"])
        for index, line in enumerate(lines, start["start"]):
            assert line["frame"] == index, f"frame {line['frame']} in place of {index}"
            assert json.dumps(line) == expected[index], f"frame {index} is another after a kill"
        reached = max(reached, start["start"] + len(lines))
    return frames, last_id, anew


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between saves")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the files, in place of a temporary one")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        track(options.folder, options.every)
        return
    chance = random.Random(options.seed)
    with TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for _ in range(options.kills):
            kill_once(folder, options.every, chance)
            StateFile(folder / "state").load()
        with (folder / "lines.jsonl").open() as lines:
            attempts = read_attempts(lines)
        frames, ids, anew = check(attempts)
    resumed = sum(attempt[0]["start"] > 0 for attempt in attempts)
    print(
        f"killed {options.kills} times, state readable each time, resumed from it {resumed} times: "
        f"{frames} frames and {ids} ids as in a run that nobody disturbed; at most {anew} frames "
        f"were tracked again (state saved every {options.every:g} s)"
    )


if __name__ == "__main__":
    main()
