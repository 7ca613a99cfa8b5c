"""The live window: keys, and never a call where no display answers."""

import socket

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.outputs import screen
from mambatrack.outputs.screen import (
    FALLBACK,
    Window,
    WindowClosed,
    display_problem,
    opening_size,
    screen_size,
)


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(screen.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return monkeypatch


@pytest.mark.parametrize("display", ["", ":9871", "unix:9871.0", "localhost:59000", "x", ":y"])
def test_a_display_that_does_not_answer_is_a_problem(linux, display):
    linux.setenv("DISPLAY", display)
    problem = display_problem()
    assert problem is not None and (display in problem)


def test_a_display_that_answers_is_none(linux):
    with socket.socket(socket.AF_INET) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        linux.setenv("DISPLAY", f"127.0.0.1:{server.getsockname()[1] - 6000}.0")
        assert display_problem() is None


@pytest.mark.parametrize(("plugins", "works"), [("libqxcb.so", False), ("libqwayland.so", True)])
def test_wayland_is_left_to_an_opencv_that_can_draw_on_it(linux, tmp_path, plugins, works):
    platforms = tmp_path / "qt" / "plugins" / "platforms"
    linux.setattr(cv2, "__file__", str(tmp_path / "__init__.py"))
    linux.setenv("WAYLAND_DISPLAY", "wayland-0")
    linux.delenv("DISPLAY", raising=False)
    assert display_problem() is None, "an OpenCV without a Qt of its own"
    platforms.mkdir(parents=True)
    (platforms / plugins).touch()
    problem = display_problem()
    assert problem is None if works else "does not draw on Wayland" in problem


def test_other_systems_are_left_to_opencv(linux):
    linux.delenv("DISPLAY", raising=False)
    assert display_problem() is not None
    linux.setattr(screen.sys, "platform", "darwin")
    assert display_problem() is None


def picture(shade=0, size=(64, 48)):
    return np.full((size[1], size[0]), shade, np.uint8)


@pytest.fixture
def keyboard(monkeypatch):
    """A window without a screen: shows[], keys[] to be pressed, open as long as it is not shut."""

    class Fake:
        def __init__(self):
            self.shows, self.keys, self.open, self.size = [], [], True, None

    fake = Fake()
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(screen, "screen_size", lambda: (1000, 800))
    monkeypatch.setattr(cv2, "resizeWindow", lambda _, *size: setattr(fake, "size", size))
    monkeypatch.setattr(cv2, "imshow", lambda _, image: fake.shows.append(image[0, 0]))
    monkeypatch.setattr(cv2, "waitKey", lambda _: fake.keys.pop(0) if fake.keys else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: float(fake.open))
    monkeypatch.setattr(cv2, "destroyWindow", lambda _: setattr(fake, "open", False))
    return fake


@pytest.mark.parametrize("key", [ord("q"), 27])
def test_q_and_escape_quit(keyboard, key):
    shown = Window()
    shown.write(picture(1))
    keyboard.keys = [key]
    with pytest.raises(WindowClosed):
        shown.write(picture(2))
    assert keyboard.shows == [1, 2]
    shown.close()
    assert not keyboard.open


def test_space_waits_for_the_next_key(keyboard):
    keyboard.keys = [ord(" "), -1, -1, ord(" ")]
    Window().write(picture())
    assert keyboard.keys == []
    keyboard.keys = [ord(" "), -1, ord("q")]
    with pytest.raises(WindowClosed):
        Window().write(picture())


def test_space_is_told_to_whoever_pauses_elsewhere(keyboard):
    pauses = []
    shown = Window(on_pause=lambda: pauses.append(1))
    keyboard.keys = [ord(" "), ord("x")]
    shown.write(picture())
    shown.poll()
    assert pauses == [1] and keyboard.keys == []


def test_keys_count_without_a_new_picture(keyboard):
    keyboard.open = False  # not shown yet
    shown = Window()
    shown.poll()
    keyboard.keys = [ord("q")]
    with pytest.raises(WindowClosed):
        shown.poll()


def test_closing_the_window_quits_also_in_a_pause(keyboard):
    shown = Window()
    keyboard.open = False
    keyboard.keys = [ord(" ")]
    with pytest.raises(WindowClosed):
        shown.write(picture())


def test_an_opencv_without_windows_is_a_clear_error(monkeypatch):
    def refuse(*_):
        raise cv2.error("not implemented")

    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(MambatrackError, match="opencv-python in place of opencv-python-headless"):
        Window()


def test_a_window_opens_once_in_the_size_of_its_picture(keyboard):
    shown = Window()
    shown.write(picture(size=(320, 240)))
    assert keyboard.size == (320, 240)
    keyboard.size = None  # the user's choice from here on
    shown.write(picture(size=(3200, 2400)))
    assert keyboard.size is None


@given(st.tuples(*[st.integers(1, 9000)] * 2), st.tuples(*[st.integers(100, 9000)] * 2))
def test_a_window_fits_the_screen_and_keeps_the_shape_of_the_picture(size, screen):
    width, height = opening_size(size, screen)
    assert 1 <= width <= min(size[0], screen[0]) and 1 <= height <= min(size[1], screen[1])
    assert abs(width * size[1] - height * size[0]) <= max(size)
    if size[0] <= 0.9 * screen[0] and size[1] <= 0.9 * screen[1]:
        assert (width, height) == size


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("print(1920, 1050)", (1920, 1050)),
        ("print(0, 0)", FALLBACK),
        ("print('none')", FALLBACK),
        ("raise SystemExit(1)", FALLBACK),
        ("import time; time.sleep(60)", FALLBACK),
    ],
)
def test_the_size_of_a_screen_that_cannot_be_asked_is_assumed(monkeypatch, program, expected):
    monkeypatch.setattr(screen, "ASK", program)
    monkeypatch.setattr(screen, "TIMEOUT_S", 1.0 if "sleep" in program else 30.0)
    assert screen_size() == expected
