"""What an embedder does in the painted world, where all wear the same and where each has clothes of
his own.

python docs/experiments/uniforms.py --seeds 0 1 2 --embedders off colour

Of each world the same boxes and pictures go through a tracker of each embedder, and through one
with a memory. HOTA and the others are TrackEval's. Odds: mean of the log-odds that the calibration
would give, in the end, to a similarity in the middle of those of one person. Returned, wrong: who
got an old id back, and of them those whose box was another person's when it had that id first.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from mambatrack import Tracker, mot_writer, open_sequence, score
from mambatrack.boxes import iou
from mambatrack.embedders.loading import open_embedder
from mambatrack.settings import MemoryConfig
from mambatrack.simulation.world import make_world, write_sequence

SIZE = 960, 540
MATCHED = 0.5  # IoU of a box and the true one that it is of


class Follower:
    """One tracker, its file, and whose box each id had first."""

    def __init__(self, name, seconds, path):
        self.name, self.seconds, self.path = name, seconds, path
        embedder = None if name == "off" else open_embedder(name)
        memory = MemoryConfig(seconds=seconds) if seconds else None
        self.tracker = Tracker(image_size=SIZE, embedder=embedder, memory=memory)
        self.writer = mot_writer(path, overwrite=True)
        self.owners, self.returned, self.wrong = {}, 0, 0

    def update(self, frame, picture):
        tracks = self.tracker.update(frame.detections, frame.time_s, image=picture)
        self.writer.write(tracks)
        seen = tracks.select(tracks.observed)
        overlap = iou(seen.boxes, frame.boxes)
        known = tracks.known_again
        for identity, row in zip(seen.ids.tolist(), overlap, strict=True):
            if len(row) and row.max() >= MATCHED:
                true = int(frame.ids[row.argmax()])
                if identity in known.values():
                    self.returned += 1
                    self.wrong += self.owners.get(identity) != true
                self.owners.setdefault(identity, true)

    def odds(self):
        """In the middle of the similarities of one person; nothing without an embedder."""
        if self.tracker.appearance is None:
            return ""
        calibration = self.tracker.state.calibration
        return f"{calibration.log_odds(np.array([calibration.same.mean]))[0]:.2f}"


def run(seed, uniform, options, folder):
    world = make_world(seed, options.people, options.frames, SIZE, uniform=uniform)
    name = f"{'uniform' if uniform else 'own'}-{seed}"
    sequence = open_sequence(write_sequence(folder / name, seed, options.people, options.frames))
    plans = [(each, 0.0) for each in options.embedders]
    plans += [(each, options.seconds) for each in options.embedders if each != "off"]
    followers = []
    for number, (embedder, seconds) in enumerate(plans):
        (folder / str(number)).mkdir(exist_ok=True)
        path = folder / str(number) / f"{sequence.name}.txt"
        followers.append(Follower(embedder, seconds, path))
    for index, frame in enumerate(world.frames):
        picture = world.render(index)
        for each in followers:
            each.update(frame, picture)
    for each in followers:
        each.writer.close()
        of = score([sequence], each.path.parent).combined
        memory = f"{each.returned}, {each.wrong}" if each.seconds else ""
        print(
            f"| {seed} | {'same' if uniform else 'own'} | {each.name} | {each.seconds:g} | "
            f"{of.HOTA:.1f} | {of.AssA:.1f} | {of.IDF1:.1f} | {of.IDSW} | {len(each.owners)} | "
            f"{each.odds()} | {memory} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60, help="of the memory (60)")
    parser.add_argument("--embedders", nargs="+", default=["off", "colour"])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("| seed | clothes | embedder | memory, s | HOTA | AssA | IDF1 | IDSW | ids | odds | "
          "returned, wrong |")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            for uniform in (True, False):
                run(seed, uniform, options, Path(folder))


if __name__ == "__main__":
    main()
