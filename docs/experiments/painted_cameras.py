"""People who walk past two painted cameras: whether an id is one person in both.

python docs/experiments/painted_cameras.py --people 12 --seeds 3

Each person has a shirt and trousers of random colours. Two at a time walk past a camera; camera B
is warmer than camera A, and its light is another. Two thirds of those whom A sees are seen by B
too, and two thirds of those whom B sees were seen by A. apart: B sees them two visits later, and
nobody is in view of both at once; overlap: B sees them one second later, while A does. --uniform:
all wear the same. Before, other people have walked past both, --before visits, by which the
trackers know what similarities are worth.

One number for each pair of a visit to A and a visit to B: whether both have one id, by the ids at
their ends. Shared: what a shared memory says at that time. Linked: what mambatrack link makes of
the results of both cameras.
"""

import argparse
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np
from painted_returns import RATE, VISIT, clothes, painted

from mambatrack.appearance.calibration import Calibration
from mambatrack.config import Config
from mambatrack.embedders.loading import open_embedder
from mambatrack.outputs.text import jsonl_writer
from mambatrack.result_files.one_id_space import link_results
from mambatrack.result_files.read_results import read_recording
from mambatrack.runs.run_outputs import EmbeddingOutput, TextOutput
from mambatrack.settings import MemoryConfig
from mambatrack.sources.frames import Frame
from mambatrack.tracking.group import TrackerGroup

SLOT = VISIT + 25  # frames from one visit to the next
LATER = {"apart": 2 * SLOT, "overlap": 25}  # frames
SIZE = (640, 360)
EMPTY = np.full((360, 640, 3), 110, np.uint8)


def schedule(rng, people, case):
    """(camera, first frame, who [2]) of every visit."""
    order = rng.permutation(people * 4 // 3).reshape(-1, 2)
    common = people // 3  # visits of a pair to both
    visits = [(0, number * SLOT, pair) for number, pair in enumerate(order[: people // 2])]
    first = people // 2 - common
    for number, pair in enumerate(order[first:], start=first):
        visits.append((1, number * SLOT + LATER[case], pair[::-1]))
    return visits


def pictures(rng, visits, colours, warmer):
    """Frame by frame, for both cameras: the picture, the boxes, and by box the visit and who."""
    casts = np.array([[1.0, 1.0, 1.0], [1 - warmer, 1 - warmer / 2, 1.0]])  # blue, green, red
    heights = rng.uniform(90, 130, len(visits))
    lights = rng.uniform(0.85, 1.15, len(visits))
    for frame in range(max(first for _, first, _ in visits) + SLOT):
        both = []
        for camera in range(2):
            boxes, who, light = [], [], 1.0
            for number, (place, first, pair) in enumerate(visits):
                step = frame - first
                if place == camera and 0 <= step < VISIT:
                    height, light = heights[number], lights[number]
                    for x, y, person in zip(
                        (60 + 2.5 * step, 560 - 2.5 * step), (30, 190), pair, strict=True
                    ):
                        y = y + rng.normal()
                        boxes.append([x - height / 6, y, x + height / 6, y + height])
                        who.append((number, int(person)))
            if not boxes:
                both.append((EMPTY, np.zeros((0, 4)), who))
                continue
            boxes = np.array(boxes)
            own = [colours[person] for _, person in who]
            picture = painted(rng, boxes, own, light) * casts[camera]
            both.append((picture.astype(np.uint8), boxes, who))
        yield both


def group_of(name, memory, known=None):
    """known: the calibration that each tracker begins with"""
    group = TrackerGroup(Config(), 2, embedder=open_embedder(name), memory=memory)
    for camera, tracker in enumerate(group.trackers):
        group.resize(camera, SIZE)
        if known is not None:
            tracker.state.calibration = Calibration.of(known)
    return group


def known_before(options):
    """What similarities are worth after some visits, as Calibration.columns() gives it."""
    rng = np.random.default_rng(99)
    order = np.arange(2 * options.before).reshape(-1, 2)
    visits = [(0, number * SLOT, pair) for number, pair in enumerate(order)]
    colours = clothes(rng, order.size, options.uniform)
    group = group_of(options.embedder, None)
    for number, both in enumerate(pictures(rng, visits, colours, 0)):
        update(group, {0: both[0]}, number)
    return group.trackers[0].state.calibration.columns()


def update(group, views, number):
    due = {
        camera: (np.column_stack([boxes, np.full(len(boxes), 0.9)]), number / RATE)
        for camera, (_, boxes, _) in views.items()
    }
    return group.update(due, images={camera: picture for camera, (picture, *_) in views.items()})


class Watched:
    """What a group of trackers says of the people. ids: by visit and person, the newest
    told: of those who were known again, the probability, and whether it was right"""

    def __init__(self):
        self.ids, self.told, self._owners = {}, [], {}

    def note(self, tracks, who):
        again = {} if tracks.surety is None else dict(zip(
            tracks.returned[:, 1].tolist(), tracks.surety.tolist(), strict=True
        ))  # fmt: skip
        for place, (visit, person) in enumerate(who):
            own = of_box(tracks, place)
            if own in again:
                self.told.append((again[own], self._owners.get(own) == person))
            if own is not None:
                self.ids[visit, person] = own
                self._owners.setdefault(own, person)


def run(options, case, seed, known):
    """Of the shared memory and of link: counts(); and what the memory said of those whom it knew
    again."""
    rng = np.random.default_rng(seed)
    visits = schedule(rng, options.people, case)
    colours = clothes(rng, options.people * 4 // 3, options.uniform)
    memory = MemoryConfig(600.0, surety=options.surety, shared=True)
    shared, alone = (group_of(options.embedder, each, known) for each in (memory, None))
    online, single = Watched(), Watched()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{camera}.jsonl" for camera in "ab"]
        with ExitStack() as stack:
            outputs = [
                outputs_of(stack.enter_context(jsonl_writer(path)), tracker, stack)
                for path, tracker in zip(paths, alone.trackers, strict=True)
            ]
            for number, both in enumerate(pictures(rng, visits, colours, options.warmer)):
                views = dict(enumerate(both))
                found = [update(each, views, number) for each in (shared, alone)]
                for camera, (picture, _, who) in views.items():
                    online.note(found[0][camera], who)
                    single.note(found[1][camera], who)
                    for output in outputs[camera]:
                        output.write(Frame(number, number / RATE, picture), found[1][camera])
        recordings = [read_recording(path) for path in paths]
    linked = link_results(paths, recordings, options.surety)
    numbers = linked.numbers([sorted(set(each.id.tolist())) for each in recordings])
    joined = {key: numbers[visits[key[0]][0]].get(own) for key, own in single.ids.items()}
    return counts(visits, online.ids), counts(visits, joined), online.told


def outputs_of(writer, tracker, stack):
    return TextOutput(writer), stack.enter_context(closing(EmbeddingOutput(writer, tracker)))


def of_box(tracks, place):
    (rows,) = (tracks.det_ind == place).nonzero()
    return int(tracks.ids[rows[0]]) if len(rows) else None


def counts(visits, ids):
    """[3] pairs of a visit to A and one to B: of one person, found to be, and wrongly."""
    ours, theirs = ([key for key in ids if visits[key[0]][0] == camera] for camera in range(2))
    pairs = [(one[1] == other[1], ids[one] == ids[other]) for one in ours for other in theirs]
    same, found = np.array(pairs).T
    return np.array([same.sum(), (same & found).sum(), (~same & found).sum()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=12, help="that A sees, a multiple of 6 (12)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--warmer", type=float, default=0.1, help="share of blue that B lacks (.1)")
    parser.add_argument("--before", type=int, default=30, help="visits before (30)")
    parser.add_argument("--surety", type=float, default=0.9)
    parser.add_argument("--uniform", action="store_true")
    parser.add_argument("--embedder", default="colour")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    known = known_before(options)
    print("similarities before:", known.round(3).tolist(), flush=True)
    print("case | how | in both | recall | precision")
    for case in LATER:
        runs = [run(options, case, seed, known) for seed in range(options.seeds)]
        for how, place in (("shared", 0), ("linked", 1)):
            people, right, wrong = sum(each[place] for each in runs)
            precision = f"{right / (right + wrong):.3f}" if right + wrong else "none found"
            print(f"{case} | {how} | {people} | {right / people:.3f} | {precision}", flush=True)
        told = np.array([each for own in runs for each in own[2]]).reshape(-1, 2)
        if len(told):
            mean, right = told.mean(axis=0)
            print(f"  of {len(told)} known again: said {mean:.3f}, right {right:.3f}", flush=True)


if __name__ == "__main__":
    main()
