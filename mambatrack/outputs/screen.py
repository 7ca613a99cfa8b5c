"""A live window through OpenCV, opened only where there is a display to open it on."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from mambatrack.errors import MambatrackError
from mambatrack.outputs.fitting import Image
from mambatrack.sources.opencv import quiet

QUIT = (ord("q"), 27)  # 27 is ESC
PAUSE = ord(" ")
TIMEOUT_S = 2.0


class WindowClosed(Exception):
    """The user has had enough."""


class Window:
    """Shows pictures; q, ESC or closing it ends the work, space pauses it.

    on_pause: called at each space, where the work is paused elsewhere; else write() waits for the
    next key. Raises MambatrackError where OpenCV has no windows.
    """

    def __init__(self, title: str = "mambatrack", on_pause: Callable[[], object] | None = None):
        import cv2

        self._title, self._on_pause, self._shown = title, on_pause, False
        try:
            with quiet():
                cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error:
            raise MambatrackError(
                "this OpenCV has no windows: install opencv-python in place of "
                "opencv-python-headless, or leave out --show"
            ) from None

    def write(self, image: Image, time_s: float = 0.0) -> None:
        """Shows it at once, whatever its time. Raises WindowClosed when the user quits."""
        import cv2

        cv2.imshow(self._title, image)
        self._shown = True
        self.poll()

    def poll(self) -> None:
        """Looks at the keys without a new picture. Raises WindowClosed when the user quits."""
        import cv2

        key = cv2.waitKey(1)
        if key == PAUSE:
            key = self._pause()
        if key in QUIT or (self._shown and not self._is_open()):
            raise WindowClosed

    def _pause(self) -> int:
        if self._on_pause is None:
            return self._next_key()
        self._on_pause()
        return -1

    def _next_key(self) -> int:
        import cv2

        key = -1
        while key == -1 and self._is_open():
            key = cv2.waitKey(50)
        return key

    def close(self) -> None:
        import cv2

        if self._is_open():
            cv2.destroyWindow(self._title)

    def _is_open(self) -> bool:
        import cv2

        return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) > 0


def display_problem() -> str | None:
    """Why no window can be opened here, None where one can.

    With a display that does not answer, OpenCV's window library would end the whole process.
    """
    if sys.platform in ("darwin", "win32") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    display = os.environ.get("DISPLAY", "")
    if not display:
        return "there is no display (DISPLAY is not set)"
    return None if _answers(display) else f"the display {display} does not answer"


def _answers(display: str) -> bool:
    """Whether an X server listens at "host:number.screen"; no host is this machine."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdecimal():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses = [path, f"\0{path}"] if Path(path).exists() else [f"\0{path}"]
        return any(_connects(socket.AF_UNIX, address) for address in addresses)
    return _connects(socket.AF_INET, (host, 6000 + int(number)))


def _connects(family: int, address: str | tuple[str, int]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(TIMEOUT_S)
            probe.connect(address)
            return True
    except OSError:
        return False
