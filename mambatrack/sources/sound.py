"""Where the sound of a video file is."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sound:
    """The sound of a video file.

    path: of the file;  track: number of the stream in it
    begins_s: the time in the file, in seconds, that belongs to the time 0 of its frames
    """

    path: str
    track: int
    begins_s: float

    def after(self, time_s: float) -> "Sound":
        """The same sound for frames that begin ``time_s`` later."""
        return replace(self, begins_s=self.begins_s + time_s)
