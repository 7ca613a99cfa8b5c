"""Identities, hidden boxes and switches on short clips, with several detectors and two versions.

python docs/experiments/clips.py --videos videos --truth data/pets09 --weights a.onnx b.onnx \\
    --before ../older --out clips

Every video below --videos is tracked, and four scenes that are made: two painted ones, a turning
camera (a part of handball_panorama.mp4 that moves) and a hand-held one (vtest.avi, shaken).
--truth: the ground truth of vtest.avi. --before: a checkout of an older version with its C library.
The boxes of networks are found once, by this version, and both versions track them.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.config import DetectorConfig
from mambatrack.datasets.sequences import Trajectories, find_sequences, read_trajectories
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.detectors import open_detector
from mambatrack.evaluation import match_events, summary
from mambatrack.outputs.drawing.rules import Rules
from mambatrack.outputs.video import open_video_writer
from mambatrack.simulation.world import write_sequence
from mambatrack.sources.frames import open_frames
from mambatrack.tracks import Tracks, TrackState

ROOT = Path(__file__).parents[2]
PAINTED = {"painted": (0, 6), "painted-crowd": (48, 10)}  # name -> seed, people
TURN, PART = 12, (1280, 720)  # pixels a frame, size of the part
SHAKE, CUT = 6.0, 24  # pixels, of the hand; margin that is cut off
CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
STATES = {"tentative": TrackState.TENTATIVE, "observed": TrackState.OBSERVED,
          "predicted": TrackState.PREDICTED}  # fmt: skip


class Figures(NamedTuple):
    """Of one run; hidden, drawn: predicted boxes a frame, all and those that a picture shows."""

    ids: int
    seen_s: float
    hidden: float
    drawn: float
    switches: int | None


def main(options: argparse.Namespace) -> None:
    out = Path(options.out)
    out.mkdir(exist_ok=True)
    clips, truths = _clips(Path(options.videos), Path(options.truth), out, options.stop)
    detectors = {"motion": ""} | {Path(each).stem: each for each in options.weights}
    versions = {"before": Path(options.before).resolve(), "now": ROOT}
    print("| clip | detector | ids | seen, s an id | hidden a frame | of these drawn | switches |")
    print("|---|---|---|---|---|---|---|")
    for clip in clips:
        if options.only and clip.stem not in options.only:
            continue
        for name, weights in detectors.items():
            both = []
            for version, tree in versions.items():
                stem = out / f"{clip.stem}-{name}-{version}"
                boxes = _boxes(clip, weights, out, options.stop) if weights else None
                _track(tree, clip, boxes, stem, options.stop)
                both.append(_figures(stem, clip, truths.get(clip.stem), version == "now"))
            cells = [_cell(*pair) for pair in zip(*both, strict=True)]
            print(f"| {clip.stem} | {name} | {' | '.join(cells)} |", flush=True)


def _clips(videos: Path, truth: Path, out: Path, stop: int) -> tuple[list[Path], dict]:
    """The videos and the scenes, and the true trajectories of those that have some, by name."""
    (pets,) = find_sequences(truth)
    truths = {"vtest": read_ground_truth(pets)}
    scenes = []
    for name, (seed, people) in PAINTED.items():
        scenes.append(out / f"{name}.mp4")
        folder = out / "truth" / name
        if not folder.exists():
            write_sequence(folder, seed, people, stop, fps=25, video=scenes[-1])
        (sequence,) = find_sequences(folder)
        truths[name] = read_ground_truth(sequence)
    scenes += [
        _moved(videos / "handball_panorama.mp4", out / "turning.mp4", stop, _turned),
        _moved(videos / "vtest.avi", out / "hand-held.mp4", stop, _shaken),
    ]
    return [*sorted(each for each in videos.iterdir() if each.is_file()), *scenes], truths


def _moved(source: Path, path: Path, stop: int, view) -> Path:
    """A video of what a moving camera sees of a source."""
    if not path.exists():
        with open_frames(source, stop=stop) as frames:
            first = next(iter(frames))
            height, width = view(first.image, 0).shape[:2]
            with open_video_writer(path, frames.fps, (width, height)) as writer:
                writer.write(view(first.image, 0))
                for frame in frames:
                    writer.write(view(frame.image, frame.index))
    return path


def _turned(image: np.ndarray, index: int) -> np.ndarray:
    left = TURN * index
    top = (image.shape[0] - PART[1]) // 2
    return np.ascontiguousarray(image[top : top + PART[1], left : left + PART[0]])


def _shaken(image: np.ndarray, index: int) -> np.ndarray:
    phases = index * np.array([0.9, 0.53, 1.3, 0.71])
    x, y = np.round(SHAKE * (np.sin(phases[::2]) + np.sin(phases[1::2]))).astype(int) + CUT
    height, width = image.shape[0] - 2 * CUT, image.shape[1] - 2 * CUT
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def _boxes(clip: Path, weights: str, out: Path, stop: int) -> Path:
    """det.txt of a network."""
    path = out / f"{clip.stem}-{Path(weights).stem}.det.txt"
    if path.exists():
        return path
    kind = "rtmdet" if "rtmdet" in weights else "yolox"
    classes = CLASSES if kind == "yolox" else ()
    detect = open_detector(DetectorConfig(name=kind, weights=weights, classes=classes))
    rows = []
    with open_frames(clip, stop=stop) as frames:
        for frame in frames:
            found = detect(frame.image, frame.index)
            for box, score in zip(xyxy_to_ltwh(found.boxes), found.scores, strict=True):
                left, top, width, height = box
                rows.append(f"{frame.index + 1},-1,{left:.2f},{top:.2f},{width:.2f},{height:.2f},"
                            f"{score:.4f}")  # fmt: skip
    path.write_text("\n".join(rows) + "\n")
    return path


def _track(tree: Path, clip: Path, boxes: Path | None, stem: Path, stop: int) -> None:
    command = [sys.executable, "-m", "mambatrack", "track", str(clip), "--stop", str(stop),
               "--quiet", "--overwrite", "--mot", f"{stem}.txt", "--jsonl", f"{stem}.jsonl",
               "--detector"]  # fmt: skip
    command += ["motion"] if boxes is None else ["file", "--weights", str(boxes)]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)


def _figures(stem: Path, clip: Path, truth: Trajectories | None, ruled: bool) -> Figures:
    """ruled: pictures leave out what Rules leave out, as those of the version before did not."""
    with open_frames(clip) as frames:
        fps, size = frames.fps, frames.size
    rules, seen, hidden, drawn = Rules(fps=fps), {}, [], []
    for line in Path(f"{stem}.jsonl").read_text().splitlines()[1:]:
        tracks = _tracks(json.loads(line))
        for identity in tracks.ids[tracks.observed].tolist():
            seen[identity] = seen.get(identity, 0) + 1
        hidden.append(tracks.predicted.sum())
        drawn.append(rules.update(tracks, size).hidden if ruled else hidden[-1])
    lengths = list(seen.values()) or [0]
    return Figures(
        len(seen), np.mean(lengths) / fps, np.mean(hidden or [0]), np.mean(drawn or [0]),
        None if truth is None else _switches(stem, truth, len(hidden)),
    )  # fmt: skip


def _switches(stem: Path, truth: Trajectories, frames: int) -> int:
    there = truth.frame <= frames
    shown = Trajectories(truth.frame[there], truth.id[there], truth.boxes[there])
    return summary(match_events(shown, read_trajectories(Path(f"{stem}.txt")))).IDSW


def _tracks(row: dict) -> Tracks:
    each = row["tracks"]
    states = [STATES[track["state"]] for track in each]
    count = len(each)

    def column(key, kind, *shape):
        return np.array([track[key] for track in each], kind).reshape(count, *shape)

    return Tracks(
        row["frame"], row["time_s"], column("box", np.float32, 4), column("id", np.int64),
        column("score", np.float32), column("label", np.int64), np.array(states, np.uint8),
        column("gap", np.int64), column("spread", np.float32, 4), np.zeros(count, np.int64),
        np.array(row["ended"], np.int64),
    )  # fmt: skip


def _cell(before: float | None, now: float | None) -> str:
    if before is None or now is None:
        return ""
    return " / ".join(f"{each:g}" if isinstance(each, int) else f"{each:.1f}"
                      for each in (before, now))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", required=True, metavar="DIR")
    parser.add_argument("--truth", required=True, metavar="DIR", help="of vtest.avi")
    parser.add_argument("--weights", nargs="+", required=True, metavar="FILE.onnx")
    parser.add_argument("--before", required=True, metavar="DIR", help="an older checkout")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="clips")
    parser.add_argument("--stop", type=int, default=200, metavar="N", help="frames of each (200)")
    main(parser.parse_args())
