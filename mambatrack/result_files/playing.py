"""Whether a tool plays a video.

Label Studio and FiftyOne leave it to the browser, which plays MP4 with H.264, VP9 or AV1 and WebM
(labelstud.io/tags/video; docs.voxel51.com, "Video formats"). rerun's AssetVideo takes MP4 alone,
with H.264, H.265 or AV1 (rerun.io/docs/reference/video). Both tools count frames by a constant
rate.
"""

import shlex
from pathlib import Path

import numpy as np

from mambatrack.result_files.footage import Footage
from mambatrack.result_files.read_results import Recording
from mambatrack.sources.containers import look_into

H264, H265 = ("avc1", "avc3"), ("hvc1", "hev1", "dvh1", "dvhe")
BROWSER = (*H264, "vp09", "av01")
TOOLS = {"label-studio": "Label Studio", "fiftyone": "FiftyOne", "rerun": "rerun"}
CODECS = {"label-studio": BROWSER, "fiftyone": BROWSER, "rerun": (*H264, *H265, "av01")}
NAMES = {"avc1": "H.264", "vp09": "VP9", "av01": "AV1", "hvc1": "H.265"}
KNOWN = {"mp4v": "MPEG-4 Part 2", "hvc1": "H.265", "hev1": "H.265", "vp09": "VP9", "mp4a": "sound",
         "jpeg": "Motion JPEG", "apcn": "ProRes", "apch": "ProRes", "vp08": "VP8"}  # fmt: skip
CONVERT = "ffmpeg -i {} -c:v libx264 -pix_fmt yuv420p -fps_mode cfr {}"


def why_not_played(video: Path, form: str) -> str | None:
    """Why the tool of the format ``form`` shows no picture of the video, and the command that
    converts it; None where it plays or nothing is known against it."""
    kind = _kind(video)
    if kind == "WebM" and form != "rerun":
        return None
    if kind == "MP4":
        codec = look_into(video).codec
        if not codec or codec in CODECS[form]:
            return None
        kind = f"MP4 of {KNOWN.get(codec, codec)}"
    return f"{video} is {kind}, which {TOOLS[form]} does not play: it {_plays(form)}; {_how(video)}"


def varying_rate(recording: Recording, footage: Footage, form: str) -> str | None:
    """What is wrong where the frames of the video do not follow at a constant rate, None where
    they do or the result has no times."""
    if len(recording.times) < 2 or form not in ("label-studio", "fiftyone"):
        return None
    numbers, times = np.array(sorted(recording.times.items())).T
    drift = (times - times[0]) - (numbers - numbers[0]) / footage.fps
    if np.abs(drift).max() <= 1 / footage.fps:
        return None
    where = footage.path or Path("video.mp4")
    return (
        f"the frames of {where} do not follow at a constant {footage.fps:g} a second, by which "
        f"{TOOLS[form]} counts them, so that boxes are up to {np.abs(drift).max():.1f} s beside "
        f"the picture; {_how(where)}, and track the converted file"
    )


def _plays(form: str) -> str:
    codecs = ", ".join(NAMES[each] for each in CODECS[form] if each in NAMES)
    return f"plays MP4 ({codecs})" + ("" if form == "rerun" else " and WebM")


def _how(video: Path) -> str:
    target = video.with_name(f"{video.stem}-h264.mp4").name
    return f"convert it with: {CONVERT.format(shlex.quote(video.name), shlex.quote(target))}"


def _kind(video: Path) -> str:
    """The container, by the first bytes of the file, whatever it is called."""
    with video.open("rb") as file:
        head = file.read(64)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "QuickTime" if head[8:12] == b"qt  " and not look_into(video).codec else "MP4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "WebM" if b"webm" in head else "Matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "AVI"
    return f"a {video.suffix[1:].upper() or 'file'} of another kind than MP4"
