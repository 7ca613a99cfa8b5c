"""COCO's JSON, for training and annotation tools: an image for each frame that was tracked, an
annotation for each box, in the form for videos (CocoVID) that also says whose box it is.

Of a folder, images have the names of its pictures; of a video, those that
``ffmpeg -i clip.mp4 %06d.jpg`` writes.
"""

import json
from pathlib import Path
from typing import Any

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.files import write_text
from mambatrack.result_files.footage import Footage, clipped_boxes, picture_names, size_of
from mambatrack.result_files.read_results import Recording


def write_coco(recording: Recording, footage: Footage, path: Path) -> None:
    """Boxes are clipped to the picture. Raises MambatrackError where its size is unknown."""
    size = size_of(footage)
    labels = sorted({*range(len(recording.names)), *recording.label.tolist()})
    frames = sorted({*recording.tracked.tolist(), *recording.frame.tolist()})
    written = {
        "videos": [{"id": 1, "name": footage.path.name if footage.path else "video"}],
        "categories": [{"id": each + 1, "name": recording.name_of(each)} for each in labels],
        "images": _images(frames, size, picture_names(footage)),
        "annotations": _annotations(clipped_boxes(recording, size)),
    }
    write_text(path, json.dumps(written))


def _images(frames: list[int], size: tuple[int, int], names: dict[int, str]) -> list[dict]:
    return [
        {"id": frame + 1, "file_name": names.get(frame, f"{frame + 1:06d}.jpg"),
         "width": size[0], "height": size[1], "video_id": 1, "frame_id": frame}
        for frame in frames
    ]  # fmt: skip


def _annotations(shown: Recording) -> list[dict[str, Any]]:
    """The track is named as TAO (track_id), CocoVID (instance_id) and CVAT (an attribute) do."""
    columns = zip(
        shown.frame.tolist(), shown.id.tolist(), xyxy_to_ltwh(shown.boxes).round(2).tolist(),
        shown.score.round(4).tolist(), shown.label.tolist(), shown.seen.tolist(), strict=True,
    )  # fmt: skip
    return [
        {"id": number, "image_id": frame + 1, "video_id": 1, "category_id": label + 1,
         "track_id": identity, "instance_id": identity, "bbox": box,
         "area": round(box[2] * box[3], 2), "iscrowd": 0, "score": score,
         "attributes": {"occluded": not seen, "track_id": identity}}
        for number, (frame, identity, box, score, label, seen) in enumerate(columns, start=1)
    ]  # fmt: skip
