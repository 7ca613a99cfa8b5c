"""Video files out: H.264 that plays in browsers through PyAV, else OpenCV's MPEG-4.

Pictures are shown when their time stamps say; MPEG-4 by OpenCV has one rate, and repeats them.
"""

from pathlib import Path

from mambatrack.errors import MambatrackError
from mambatrack.files import check_output
from mambatrack.outputs.encoders import Encoder, open_encoder
from mambatrack.outputs.fitting import Image, Size, fit
from mambatrack.sources.pictures import checked_picture
from mambatrack.sources.sound import Sound
from mambatrack.sources.timing import Stamps


class VideoWriter:
    """Fits frames to the size of the video and hands them to an encoder.

    size:  (width, height) of the video, even; a frame of another size is scaled and letterboxed
    sound: of the source of the frames, put beside them when the file is closed
    """

    def __init__(self, encoder: Encoder, fps: float, path: Path, sound: Sound | None = None):
        self.size, self.path = encoder.size, path
        self._encoder, self._sound, self._closed = encoder, sound, False
        self._stamps = Stamps(fps)
        self._first_s: float | None = None

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Appends ``image [H, W, 3]`` BGR uint8. time_s: when it is shown, by any clock; 1 / fps
        after the one before where there is no time, or it does not grow"""
        if self._closed:
            raise MambatrackError(f"{self.path} is closed; write to it inside of its with block")
        if self._first_s is None:
            self._first_s = time_s
        stamp = None if time_s is None or self._first_s is None else time_s - self._first_s
        try:
            self._encoder.encode(fit(checked_picture(image), self.size), self._stamps.step(stamp))
        except OSError as error:
            raise MambatrackError(
                f"cannot write {self.path}: {error.strerror}; the frames written so far are kept"
            ) from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._encoder.close(self._sound and self._sound.after(self._first_s or 0.0))
        except OSError as error:
            raise MambatrackError(f"cannot finish {self.path}: {error.strerror}") from error

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_video(path: str | Path, overwrite: bool = False) -> Path:
    """The path, if a video can be written there; else MambatrackError before any work is done."""
    if Path(path).suffix.lower() != ".mp4":
        raise MambatrackError(f"{path}: videos are written as MP4; name the file .mp4")
    return check_output(path, overwrite)


def open_video_writer(
    path: str | Path, fps: float, size: Size, overwrite: bool = False, sound: Sound | None = None
) -> VideoWriter:
    """An MP4 file for frames of ``size`` (width, height), padded to even numbers, or scaled down
    with a warning to what the codec takes.

    H.264 when the extra ``video`` is installed; else MPEG-4, with a hint on stderr, because
    browsers do not play it. sound: of the frames' source (``frames.sound``), which goes into
    H.264 files where the frames are written with their ``time_s``. Raises MambatrackError where
    the file may not or cannot be written.
    """
    path = check_video(path, overwrite)
    if not 0 < fps <= 1000 or min(size) < 1:
        raise MambatrackError(
            f"no video of {size[0]}x{size[1]} pixels at {fps} frames a second; "
            "expected a positive size and 0 < fps <= 1000"
        )
    try:
        return VideoWriter(open_encoder(path, fps, size), fps, path, sound)
    except OSError as error:
        raise MambatrackError(f"cannot write {path}: {error.strerror}") from None
