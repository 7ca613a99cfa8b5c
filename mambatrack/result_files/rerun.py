"""rerun: a recording (.rrd) with the boxes of every frame, and the video where there is one.

A folder of pictures is taken into the recording as JPEG. Seen boxes are at video/seen, predicted
ones, thin and pale, at video/predicted, so that either can be switched off. The timelines are frame
(from 0) and time.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

from mambatrack.errors import MissingExtra
from mambatrack.files import replacing
from mambatrack.result_files.footage import Footage, jpegs
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
        _log_pictures(rr, stream, recording, footage)
        for number, boxes in recording.by_frame(_numbers(recording, footage)):
            _set_time(stream, recording, footage, number)
            for seen, name in ((True, "seen"), (False, "predicted")):
                stream.log(f"video/{name}", _boxes(rr, boxes.select(boxes.seen == seen), seen))
        stream.flush()
        stream.disconnect()


def _set_time(stream: Any, recording: Recording, footage: Footage, number: int) -> None:
    stream.set_time("frame", sequence=number)
    stream.set_time("time", duration=recording.times.get(number, number / footage.fps))


def _log_pictures(rr: Any, stream: Any, recording: Recording, footage: Footage) -> None:
    """The picture of every frame of the video or folder, where there is one."""
    if footage.path is None or not footage.plays:
        return
    if footage.path.is_dir():
        for number, picture in jpegs(footage.path):
            _set_time(stream, recording, footage, number)
            stream.log("video", rr.EncodedImage(contents=picture, media_type="image/jpeg"))
        return
    asset = rr.AssetVideo(path=footage.path)
    stream.log("video", asset, static=True)
    stamps = _stamps(asset)
    for number in range(max(footage.frames, recording.frames)):
        seconds = stamps[number] / 1e9 if number < len(stamps) else number / footage.fps
        _set_time(stream, recording, footage, number)
        moment = rr.components.VideoTimestamp(seconds=seconds)
        stream.log("video", rr.VideoFrameReference(moment))


def _stamps(asset: Any) -> list[int]:
    """Nanoseconds of the frames of a video, where rerun reads them: its rate may vary."""
    try:
        return [int(each) for each in asset.read_frame_timestamps_nanos()]
    except Exception:  # whatever rerun's own reader of the container raises
        return []


def _numbers(recording: Recording, footage: Footage) -> list[int]:
    """The frames that were tracked, and the one after the last of each run of them: rerun shows
    what was logged last."""
    tracked = recording.tracked.tolist()
    if not tracked:
        return []
    step = min((after - before for before, after in pairwise(tracked)), default=1)
    ends = [before + step for before, after in pairwise(tracked) if after > before + step]
    return sorted({*tracked, *ends, tracked[-1] + step})


def _boxes(rr: Any, boxes: Recording, seen: bool) -> Any:
    """Also where there are none, which takes those of the frame before away."""
    from mambatrack.outputs.drawing.colours import colour_of

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
