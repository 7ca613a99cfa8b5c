"""A live window through OpenCV, opened only where there is a display to open it on."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from mambatrack.errors import MambatrackError
from mambatrack.outputs.fitting import Image, Size
from mambatrack.sources.opencv import quiet

QUIT = (ord("q"), 27)  # 27 is ESC
PAUSE = ord(" ")
TIMEOUT_S = 2.0
FALLBACK = 1280, 720  # taken for the screen where its size cannot be told
ROOM = 0.9  # of the screen, for a window without its frame and the bars of the desktop
ASK = "import tkinter; root = tkinter.Tk(); print(*root.maxsize())"


class WindowClosed(Exception):
    """The user has had enough."""


class Window:
    """Shows pictures; q, ESC or closing it ends the work, space pauses it. It opens in the size of
    the first picture, at most the screen's, and keeps its shape.

    on_pause: called at each space, where the work is paused elsewhere; else write() waits for the
    next key. Raises MambatrackError where OpenCV has no windows.
    """

    def __init__(self, title: str = "mambatrack", on_pause: Callable[[], object] | None = None):
        import cv2

        self._title, self._on_pause, self._shown = title, on_pause, False
        try:
            with quiet():
                kind = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
                cv2.namedWindow(title, kind)
        except cv2.error:
            raise MambatrackError(
                "this OpenCV has no windows: install opencv-python in place of "
                "opencv-python-headless, or leave out --show"
            ) from None

    def write(self, image: Image, time_s: float = 0.0) -> None:
        """Shows it at once, whatever its time. Raises WindowClosed when the user quits."""
        import cv2

        if not self._shown:
            size = opening_size((image.shape[1], image.shape[0]), screen_size())
            cv2.resizeWindow(self._title, *size)
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


def opening_size(size: Size, screen: Size) -> Size:
    """(width, height) of a window for pictures of ``size``, of their shape."""
    scale = min(1.0, ROOM * screen[0] / size[0], ROOM * screen[1] / size[1])
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def screen_size() -> Size:
    """(width, height) in pixels. tkinter tells it in a process of its own, as two window libraries
    in one process get in each other's way."""
    try:
        told = subprocess.run(
            [sys.executable, "-c", ASK], capture_output=True, timeout=TIMEOUT_S, check=True
        )
        width, height = map(int, told.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return FALLBACK
    return (width, height) if min(width, height) > 0 else FALLBACK


def display_problem() -> str | None:
    """Why no window can be opened here, None where one can.

    With a display that does not answer, OpenCV's window library would end the whole process.
    """
    wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform in ("darwin", "win32") or (wayland and _draws_on_wayland()):
        return None
    display = os.environ.get("DISPLAY", "")
    if not display:
        only = "; this OpenCV does not draw on Wayland itself" if wayland else ""
        return f"there is no display (DISPLAY is not set{only})"
    return None if _answers(display) else f"the display {display} does not answer"


def _draws_on_wayland() -> bool:
    """Whether OpenCV's own copy of Qt can; one without such a copy may."""
    import cv2

    plugins = Path(cv2.__file__).parent / "qt" / "plugins" / "platforms"
    return not plugins.is_dir() or any("wayland" in each.name for each in plugins.iterdir())


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
