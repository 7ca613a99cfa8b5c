"""What users of other trackers type, and what it is here."""

import re
from collections.abc import Sequence

MEANT = {
    "name the source without an option": "source input video video-path path",
    "--output FILE.mp4 names the video, which is written where no output is named": "save save-vid",
    "--mot FILE.txt writes MOT text": "save-txt save-mot",
    "--association and --predictor choose who is who and the motion model":
    "tracker tracking-method tracker-type",
    "a network is given as --weights FILE.onnx or --detector NAME":
    "model yolo-model yolo-weights detection-model",
    "--conf is the lowest score of a box": "conf-thres confidence",
    "--detector.nms_iou is the overlap from which on the weaker box goes": "iou iou-thres",
    "--detector.side is the longer side of the picture that a network sees": "imgsz img-size",
    "--stride N takes every Nth frame": "vid-stride",
    "--show opens a window": "view-img show-vid display",
    "--appearance looks at people": "reid-model reid-weights with-reid",
    "--tracker.max_age is how long a track is looked for": "max-age track-buffer",
    "--tracker.min_hits is how often a track is seen first": "min-hits",
    "--tracker.frame_rate is that of the motion model; of pictures, frameRate in seqinfo.ini":
    "fps frame-rate",
    "--dataset names the folder of the truth": "gt gt-dir gt-folder",
    "--results names the folder of results": "tracker-dir",
    "--out names the folder of results": "project",
    "--overwrite writes over files that exist": "exist-ok",
}  # fmt: skip
OPTIONS = {name: text for text, names in MEANT.items() for name in names.split()}
ASSIGNED = re.compile(r"(source|model|tracker|conf|iou|imgsz|show|save|device|classes)=.+")
NOT_ASSIGNED = (
    "{}=... is no option here: name the source alone, and options as --NAME VALUE, as in: "
    "mambatrack track clip.mp4 --weights model.onnx"
)


def hint(argument: str, known: Sequence[str]) -> str:
    """What another tracker's option is called here; "" for any other, and where the command has it
    not among its options, ``known``."""
    if not argument.startswith("--"):
        return ""
    text = OPTIONS.get(argument[2:].partition("=")[0].lower().replace("_", "-"), "")
    ours = re.findall(r"--[a-z.]+", text)
    return text if not ours or any("." in each or each in known for each in ours) else ""


def is_assigned(argument: str) -> bool:
    """Whether it is an option as Ultralytics writes it, source=clip.mp4."""
    return ASSIGNED.fullmatch(argument) is not None
