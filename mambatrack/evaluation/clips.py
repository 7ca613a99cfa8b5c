"""Short videos of identity switches: boxes on the sequence's pictures, or on blank ones.

True boxes are thin and white, with a thick frame around the object that changes its id; it and the
other one involved have their names below. The tracker's boxes have the colour of their id, thin
where they are predicted. The picture stands still for a second at the switch, under a red caption.
"""

import re
from collections.abc import Iterator
from collections.abc import Sequence as Items
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import clip
from mambatrack.datasets.matching import Mask
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.switches import Switch
from mambatrack.outputs.drawing.colours import DARK, WHITE, Colour, colour_of
from mambatrack.outputs.drawing.plates import FONT, draw_plate
from mambatrack.outputs.fitting import fit
from mambatrack.outputs.video import open_video_writer
from mambatrack.sources.frames import Frame, open_frames

Image = NDArray[np.uint8]
Corners = tuple[int, int, int, int]

BACKGROUND = 58
RED: Colour = (40, 40, 200)
HOLD_S = 1.0


class Clip(NamedTuple):
    """A switch, and the video that shows it."""

    switch: Switch
    path: Path


def write_clips(
    folder: str | Path,
    sequence: Sequence,
    switches: Items[Switch],
    truth: Trajectories,
    results: Trajectories,
    predicted: Mask | None = None,
    limit: int = 20,
    seconds: float = 1.0,
    overwrite: bool = False,
) -> list[Clip]:
    """One MP4 for each of the first ``limit`` switches of the sequence.

    results: the tracker's rows; predicted [R]: which of them are predicted
    seconds: shown before and after the switch
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hidden = np.zeros(len(results), bool) if predicted is None else predicted
    clips = [Clip(switch, folder / clip_name(switch)) for switch in switches[:limit]]
    for switch, path in clips:
        with open_video_writer(path, sequence.fps, sequence.image_size, overwrite) as writer:
            for frame, picture in _pictures(sequence, switch.frame, seconds):
                draw_switch(picture, frame, switch, truth, results, hidden)
                still = round(HOLD_S * sequence.fps) if frame == switch.frame else 1
                for _ in range(max(still, 1)):
                    writer.write(picture)
    return clips


def clip_name(switch: Switch) -> str:
    """A file name that every system accepts, whatever the sequence is called."""
    name = re.sub(r"[^\w.-]+", "_", switch.sequence, flags=re.ASCII).strip("._")[:80]
    cause = switch.cause.replace(" ", "-")
    return (
        f"{name or 'sequence'}-{switch.frame:06d}-object{switch.object}"
        f"-id{switch.before}-to-id{switch.after}-{cause}.mp4"
    )


def draw_switch(
    picture: Image,
    frame: int,
    switch: Switch,
    truth: Trajectories,
    results: Trajectories,
    predicted: Mask,
) -> None:
    """Draws the boxes of ``frame`` (from 1) and the caption into ``picture [H, W, 3]``, in place.

    predicted [R]: which rows of the results are predicted
    """
    thick = max(2, round(picture.shape[0] / 360))
    true = np.flatnonzero(truth.frame == frame)
    found = np.flatnonzero(results.frame == frame)
    found = found[np.lexsort((results.boxes[found, 3], ~predicted[found]))]  # near ones on top
    for row in true.tolist():
        _rectangle(picture, _corners(picture, truth.boxes[row]), WHITE, 1)
    for row in found.tolist():
        colour, width = colour_of(int(results.id[row])), 1 if predicted[row] else thick
        _rectangle(picture, _corners(picture, results.boxes[row]), colour, width)
    for row in true[np.isin(truth.id[true], _involved(switch))].tolist():
        _name_object(picture, truth, row, switch, thick)
    for row in found.tolist():
        identity, corners = int(results.id[row]), _corners(picture, results.boxes[row])
        text = f"{identity} predicted" if predicted[row] else f"{identity}"
        plate = DARK if predicted[row] else colour_of(identity)
        draw_plate(picture, corners[0], corners[1], text, plate)
    _caption(picture, frame, switch)


def _involved(switch: Switch) -> list[int]:
    return [switch.object] if switch.other is None else [switch.object, switch.other]


def _name_object(picture: Image, truth: Trajectories, row: int, switch: Switch, thick: int) -> None:
    """Left below the box the object that changes its id, in its frame; right below it the other."""
    identity = int(truth.id[row])
    left, top, right, bottom = _corners(picture, truth.boxes[row], margin=2 * thick)
    if identity == switch.object:
        _rectangle(picture, (left, top, right, bottom), WHITE, thick)
        draw_plate(picture, left, bottom, f"object {identity}", WHITE, above=False)
    else:
        draw_plate(picture, right, bottom, f"other {identity}", DARK, above=False, left=True)


def _caption(picture: Image, frame: int, switch: Switch) -> None:
    """A line on a dark band at the top, red at the switch."""
    other = "" if switch.other is None else f", other object {switch.other}"
    text = (
        f"{switch.sequence}  frame {frame}  object {switch.object}: id {switch.before} -> "
        f"{switch.after} in frame {switch.frame}, {switch.cause}{other}"
    )
    scale = 1.2 * _font_scale(picture)
    (width, height), base = cv2.getTextSize(text, FONT, scale, 1)
    scale *= min(1.0, (picture.shape[1] - 2 * height) / width)
    band = picture[: 2 * height + base]
    if frame == switch.frame:
        band[:] = RED
    else:
        band[:] = band // 4
    place = (height, round(1.5 * height) + base // 2)
    cv2.putText(picture, text, place, FONT, scale, WHITE, 1, cv2.LINE_AA)


def _rectangle(picture: Image, corners: Corners, colour: Colour, thick: int) -> None:
    left, top, right, bottom = corners
    if right > left and bottom > top:
        cv2.rectangle(picture, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)


def _corners(picture: Image, box: NDArray[np.float32], margin: int = 0) -> Corners:
    """A box, widened by the margin, cut to the picture, in whole pixels."""
    height, width = picture.shape[:2]
    wide = box + np.array([-margin, -margin, margin, margin], np.float32)
    left, top, right, bottom = np.round(clip(wide, (width - 1, height - 1))).astype(int).tolist()
    return left, top, right, bottom


def _font_scale(picture: Image) -> float:
    return max(0.42, picture.shape[0] / 1500)


def _pictures(sequence: Sequence, middle: int, seconds: float) -> Iterator[tuple[int, Image]]:
    """(frame from 1, picture) around the frame; blank where the sequence has no picture."""
    around = max(round(seconds * sequence.fps), 1)
    start = max(middle - around, sequence.start + 1)
    stop = min(middle + around, sequence.start + sequence.frames)
    width, height = sequence.image_size
    real = _real_frames(sequence, start, stop)
    following = next(real, None)
    for frame in range(start, stop + 1):
        picture = np.full((height, width, 3), BACKGROUND, np.uint8)
        if following is not None and following.index + 1 == frame:
            picture, following = fit(following.image, sequence.image_size), next(real, None)
        yield frame, picture


def _real_frames(sequence: Sequence, start: int, stop: int) -> Iterator[Frame]:
    """The pictures of these frames (from 1, both included) that can be read."""
    if sequence.images is None:
        return
    try:
        source = open_frames(sequence.images, start=start - 1, stop=stop)
    except MambatrackError:
        return
    with source:
        yield from source
