"""rerun: a recording (.rrd) with the boxes of every frame, and the video where there is one.

Seen boxes are at video/seen, predicted ones, thin and pale, at video/predicted, so that either can
be switched off. The timelines are frame (from 0) and time.
"""

from pathlib import Path
from typing import Any

from mambatrack.errors import MissingExtra
from mambatrack.files import replacing
from mambatrack.result_files.footage import Footage
from mambatrack.result_files.read_results import Recording

WIDTHS = {True: 2.0, False: 1.0}  # of the lines, in points on the screen
OPACITY = {True: 255, False: 110}


def write_rerun(recording: Recording, footage: Footage, path: Path) -> None:
    """The recording at ``path``. Raises MissingExtra where rerun-sdk is not installed."""
    try:
        import rerun as rr
    except ImportError:
        raise MissingExtra("rerun-sdk", "rerun", "an export to rerun") from None
    with replacing(path) as temporary:
        stream = rr.RecordingStream("mambatrack")
        stream.save(temporary)
        if footage.path is not None:
            stream.log("video", rr.AssetVideo(path=footage.path), static=True)
        for number, boxes in recording.by_frame(_numbers(recording, footage)):
            seconds = recording.times.get(number, number / footage.fps)
            stream.set_time("frame", sequence=number)
            stream.set_time("time", duration=seconds)
            if footage.path is not None:
                moment = rr.components.VideoTimestamp(seconds=number / footage.fps)
                stream.log("video", rr.VideoFrameReference(moment))
            for seen, name in ((True, "seen"), (False, "predicted")):
                stream.log(f"video/{name}", _boxes(rr, boxes.select(boxes.seen == seen), seen))
        stream.flush()
        stream.disconnect()


def _numbers(recording: Recording, footage: Footage) -> list[int]:
    """Every frame where the video tells how many there are; else those that have boxes or a time,
    and those after them."""
    if footage.frames:
        return list(range(max(footage.frames, recording.frames)))
    known = [*recording.frame.tolist(), *recording.times]
    return sorted({*known, *(number + 1 for number in known)})


def _boxes(rr: Any, boxes: Recording, seen: bool) -> Any:
    """Also where there are none, which takes those of the frame before away."""
    from mambatrack.outputs.drawing import colour_of

    colours = [(*reversed(colour_of(each)), OPACITY[seen]) for each in boxes.id.tolist()]
    labels = [
        f"{identity} {boxes.name_of(label)}" if seen else f"{identity} lost {gap}"
        for identity, label, gap in zip(
            boxes.id.tolist(), boxes.label.tolist(), boxes.gap.tolist(), strict=True
        )
    ]
    return rr.Boxes2D(
        array=boxes.boxes,
        array_format=rr.Box2DFormat.XYXY,
        radii=[rr.Radius.ui_points(WIDTHS[seen])] * len(boxes),
        colors=colours,
        labels=labels,
        class_ids=boxes.id % 65536,
    )
