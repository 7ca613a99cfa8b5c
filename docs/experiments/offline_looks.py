"""What an embedder and a memory add to offline tracking.

python docs/experiments/offline_looks.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --detectors motion yolox_nano.onnx bytetrack_nano.onnx --embedders colour 0287.xml
python docs/experiments/offline_looks.py --worlds 0 1 2
python docs/experiments/offline_looks.py --rooms 0 1 --away 3 20

Rows of a video are scored by the truth of PETS09 and by one of people (people_vtest.py). Worlds are
those of uniforms.py: all wear the same, or each has clothes of his own. Rooms are those of
painted_returns.py: known again is who has the old id at the end of the second visit.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from appearance_vtest import boxes_of, configured
from painted_returns import RATE, SIZE, VISIT, boxes_of_two, clothes, painted, visits
from people_vtest import figures, of_people

from mambatrack import load_config, mot_writer, open_frames, open_sequence, track_offline
from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.embedders.loading import open_embedder
from mambatrack.settings import MemoryConfig
from mambatrack.simulation.world import make_world, write_sequence


def looked_at(frames, embedder):
    """frames: pairs of a picture and its detections."""
    looks = SequenceLooks(Appearance(open_embedder(embedder)))
    for picture, found in frames:
        looks.note(picture, found)
    return looks


def plans(embedders, seconds):
    """(embedder, seconds of the memory) of each row."""
    yield "off", 0.0
    for each in embedders:
        yield from ((each, of_memory) for of_memory in (0.0, *seconds))


def track(found, config, size, times, looks, seconds):
    memory = MemoryConfig(seconds=seconds) if seconds else None
    return track_offline(found, config, size, times, looks=looks, memory=memory)


def written(tracks, path):
    with mot_writer(path, True) as writer:
        for each in tracks:
            writer.write(each)


def of_video(options, folder):
    truths = open_sequence(options.truth), of_people(options.truth, folder / "truth")
    for detector in options.detectors:
        config = configured(detector)
        kept = options.cache / f"{options.video.stem}-{Path(detector).stem}.npy"
        boxes = boxes_of(options.video, config, kept)
        with open_frames(options.video) as frames:
            size, count, fps = frames.size, frames.count, frames.fps
        boxes = [*boxes, *[np.zeros((0, 6))] * count][:count]
        looks = {"off": None}
        for name, seconds in plans(options.embedders, options.seconds):
            if name not in looks:
                with open_frames(options.video) as frames:
                    looks[name] = looked_at(
                        ((each.image, boxes[each.index]) for each in frames), name
                    )
            times = [index / fps for index in range(count)]
            tracks = track(boxes, config, size, times, looks[name], seconds)
            written(tracks, folder / f"{options.truth.name}.txt")
            both = " | ".join(figures(each, folder) for each in truths)
            print(
                f"| {Path(detector).stem} | {Path(name).stem} | {seconds:g} | {both} |", flush=True
            )


def of_world(seed, uniform, options, folder):
    world = make_world(seed, 10, 500, (960, 540), uniform=uniform)
    sequence = open_sequence(write_sequence(folder / f"w{seed}{uniform}", seed, 10, 500))
    found = [each.detections for each in world.frames]
    seen = ((world.render(index), each) for index, each in enumerate(found))
    looks = {"off": None, "colour": looked_at(seen, "colour")}
    for name, seconds in plans(["colour"], options.seconds):
        times = [each.time_s for each in world.frames]
        tracks = track(found, load_config(), (960, 540), times, looks[name], seconds)
        written(tracks, folder / f"{sequence.name}.txt")
        kind = "same" if uniform else "own"
        print(
            f"| {seed} | {kind} | {name} | {seconds:g} | {figures(sequence, folder)} |", flush=True
        )


def of_room(seed, away_s, uniform):
    """(returns, of them known again, wrong ids)"""
    rng, people = np.random.default_rng(seed), 12
    colours, found, ends = clothes(rng, people, uniform), [], []
    looks = SequenceLooks(Appearance(open_embedder("colour")))
    for visit in visits(rng, people, away_s):
        if isinstance(visit, int):
            found += [np.zeros((0, 5))] * visit
            for _ in range(visit):
                looks.note(None, None)
            continue
        light, height = rng.uniform(0.85, 1.15), rng.uniform(90, 130)
        for step in range(VISIT):
            boxes = boxes_of_two(rng, step, height)
            found.append(np.column_stack([boxes, np.full(2, 0.9)]))
            looks.note(painted(rng, boxes, colours[visit], light), found[-1])
        ends.append((len(found) - 1, visit))
    times = [index / RATE for index in range(len(found))]
    tracks = track(found, load_config(), SIZE, times, looks, 600)
    known, counts = {}, np.zeros(3, int)
    for end, visit in ends:
        for place, who in enumerate(visit):
            ids = tracks[end].ids[tracks[end].det_ind == place].tolist()
            if ids and who in known:
                counts += 1, ids[0] == known[who], ids[0] != known[who] and ids[0] in known.values()
            elif ids:
                counts[2] += ids[0] in known.values()
                known[who] = ids[0]
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["motion"])
    parser.add_argument("--embedders", nargs="+", default=["colour"])
    parser.add_argument("--seconds", type=float, nargs="+", default=[12, 60], help="of the memory")
    parser.add_argument("--worlds", type=int, nargs="+", default=[], metavar="SEED")
    parser.add_argument("--rooms", type=int, nargs="+", default=[], metavar="SEED")
    parser.add_argument("--away", type=float, nargs="+", default=[3, 20], help="seconds")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        if options.video:
            of_video(options, Path(folder))
        for seed in options.worlds:
            for uniform in (True, False):
                of_world(seed, uniform, options, Path(folder))
    for away in options.away if options.rooms else []:
        for uniform in (False, True):
            total = sum(of_room(seed, away, uniform) for seed in options.rooms)
            print(
                f"| {away:g} | {'same' if uniform else 'own'} | {', '.join(map(str, total))} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
