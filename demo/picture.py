"""Makes the pictures of the documentation from the synthetic world.

python demo/picture.py [--output docs/picture.png] [--drawing docs/drawing.jpg]

The first, of the README, shows a person before, during and after an occlusion: of all occlusions in
a clip that the tracker bridges with the right person the one in which the person moves farthest.
The second shows what is drawn by default.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack import DrawingConfig, Painter, Tracker, Tracks, World, draw, iou, make_world

Image = NDArray[np.uint8]

MARGIN = 10  # frames between the occlusion and the panels before and after it
SHORTEST = 6  # frames without a detection that count as an occlusion
PANEL = 300, 330  # pixels
LAYERS = DrawingConfig(layers=("boxes", "ids", "labels", "lost"), hidden_s=2.0)


class Gap(NamedTuple):
    """Track ``identity`` was seen in frames ``first`` and ``last`` but not between them."""

    identity: int
    first: int
    last: int


def main(output: str | Path = "docs/picture.png", seed: int = 6, frames: int = 200) -> Gap:
    world = make_world(seed, people=5, frames=frames, size=(1280, 720))
    tracker = Tracker(image_size=world.size)
    history = [tracker.update(frame.detections, frame.time_s) for frame in world.frames]
    gap = farthest_bridge(world, history)
    if not cv2.imwrite(str(output), strip(world, history, gap), [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"cannot write {output}")
    print(f"track {gap.identity}, hidden in frames {gap.first + 1} to {gap.last - 1}: {output}")
    return gap


def drawing(output: str | Path = "docs/drawing.jpg", moment: int = 110) -> None:
    """A frame with seen and hidden people and their trails, reduced."""
    world = make_world(4, people=9, frames=moment + 1, size=(1280, 720))
    tracker = Tracker(image_size=world.size)
    painter = Painter(names=("person",), fps=25.0)
    for frame in world.frames:
        tracks = tracker.update(frame.detections, frame.time_s)
        last = tracks.frame == moment
        image = world.render(moment) if last else np.zeros((720, 1280, 3), np.uint8)
        picture = painter.draw(image, tracks)
    small = cv2.resize(picture, (960, 540), interpolation=cv2.INTER_AREA)
    if not cv2.imwrite(str(output), small, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f"cannot write {output}")


def farthest_bridge(world: World, history: list[Tracks]) -> Gap:
    """The gap with the farthest way, in widths of the box, that ends on the same person."""
    seen_at, ways = dict[int, int](), dict[Gap, float]()
    for now, tracks in enumerate(history):
        for identity in tracks.ids[tracks.observed].tolist():
            gap = Gap(identity, seen_at.get(identity, now), now)
            seen_at[identity] = now
            shown = gap.first >= MARGIN and now + MARGIN < len(history)
            if shown and now - gap.first > SHORTEST and is_same_person(world, history, gap):
                start, end = box_of(history[gap.first], identity), box_of(tracks, identity)
                ways[gap] = abs(end[0] - start[0]) / (start[2] - start[0])
    return max(ways, key=ways.__getitem__)


def box_of(tracks: Tracks, identity: int) -> NDArray[np.float32]:
    """[4] xyxy"""
    return tracks.boxes[tracks.ids == identity][0]


def is_same_person(world: World, history: list[Tracks], gap: Gap) -> bool:
    """Judged by the ground truth, well before, at both ends of and well after the gap."""
    moments = (gap.first - MARGIN, gap.first, gap.last, gap.last + MARGIN)
    people = {person_below(world, history, gap.identity, moment) for moment in moments}
    return len(people) == 1 and None not in people


def person_below(world: World, history: list[Tracks], identity: int, moment: int) -> int | None:
    """The person whose true box the track covers best, None where it was not seen then."""
    tracks, truth = history[moment], world.frames[moment]
    mine = tracks.observed & (tracks.ids == identity)
    if not mine.any():
        return None
    return int(truth.ids[iou(tracks.boxes[mine], truth.boxes).argmax()])


def strip(world: World, history: list[Tracks], gap: Gap) -> Image:
    """Four panels side by side, all showing the same part of the scene."""
    length = gap.last - gap.first
    moments = {
        gap.first - MARGIN: "before",
        gap.first + length // 3: f"hidden for {length // 3} frames",
        gap.last - 1: f"hidden for {length - 1} frames",
        gap.last + MARGIN: "after: the same id",
    }
    view = view_of(history[gap.first - MARGIN : gap.last + MARGIN + 1], gap.identity)
    panels = [panel(world, history, *each, view) for each in moments.items()]
    border = np.full((PANEL[1], 4, 3), 255, np.uint8)
    return np.hstack([part for each in panels for part in (border, each)][1:])


def view_of(history: list[Tracks], identity: int) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) around the track, in the shape of a panel."""
    boxes = np.concatenate([tracks.boxes[tracks.ids == identity] for tracks in history])
    low, high = boxes[:, :2].min(axis=0) - [30, 60], boxes[:, 2:].max(axis=0) + [30, 40]
    centre, (width, height) = (low + high) / 2, high - low
    scale = max(width / PANEL[0], height / PANEL[1])
    half = np.array(PANEL) * scale / 2
    x0, y0, x1, y1 = np.concatenate([centre - half, centre + half]).round().astype(int).tolist()
    return x0, y0, x1, y1


def panel(
    world: World, history: list[Tracks], moment: int, title: str, view: tuple[int, int, int, int]
) -> Image:
    """One frame cut to ``view``; what lies outside the image is dark."""
    image = draw(world.render(moment), history[moment], names=("person",), config=LAYERS)
    x0, y0, x1, y1 = view
    matrix = np.array([[1, 0, -x0], [0, 1, -y0]], np.float32) * (PANEL[0] / (x1 - x0))
    cut = cv2.warpAffine(image, matrix, PANEL, flags=cv2.INTER_AREA)
    cv2.rectangle(cut, (0, 0), (PANEL[0], 26), (24, 24, 24), cv2.FILLED)
    font, white = cv2.FONT_HERSHEY_SIMPLEX, (255, 255, 255)
    cv2.putText(cut, title, (8, 18), font, 0.5, white, 1, cv2.LINE_AA)
    return cut


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="docs/picture.png")
    parser.add_argument("--drawing", default="docs/drawing.jpg")
    options = parser.parse_args()
    main(options.output)
    drawing(options.drawing)
