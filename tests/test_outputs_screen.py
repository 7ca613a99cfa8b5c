"""The live window: keys, and never a call where no display answers."""

import socket

import cv2
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.outputs import screen
from mambatrack.outputs.screen import Window, WindowClosed, display_problem


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


def test_wayland_and_other_systems_are_left_to_opencv(linux):
    linux.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert display_problem() is None
    linux.delenv("WAYLAND_DISPLAY")
    linux.delenv("DISPLAY", raising=False)
    assert display_problem() is not None
    linux.setattr(screen.sys, "platform", "darwin")
    assert display_problem() is None


@pytest.fixture
def keyboard(monkeypatch):
    """A window without a screen: shows[], keys[] to be pressed, open as long as it is not shut."""

    class Fake:
        def __init__(self):
            self.shows, self.keys, self.open = [], [], True

    fake = Fake()
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, image: fake.shows.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda _: fake.keys.pop(0) if fake.keys else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: float(fake.open))
    monkeypatch.setattr(cv2, "destroyWindow", lambda _: setattr(fake, "open", False))
    return fake


@pytest.mark.parametrize("key", [ord("q"), 27])
def test_q_and_escape_quit(keyboard, key):
    shown = Window()
    shown.write("first")
    keyboard.keys = [key]
    with pytest.raises(WindowClosed):
        shown.write("second")
    assert keyboard.shows == ["first", "second"]
    shown.close()
    assert not keyboard.open


def test_space_waits_for_the_next_key(keyboard):
    keyboard.keys = [ord(" "), -1, -1, ord(" ")]
    Window().write("paused")
    assert keyboard.keys == []
    keyboard.keys = [ord(" "), -1, ord("q")]
    with pytest.raises(WindowClosed):
        Window().write("paused and left")


def test_space_is_told_to_whoever_pauses_elsewhere(keyboard):
    pauses = []
    shown = Window(on_pause=lambda: pauses.append(1))
    keyboard.keys = [ord(" "), ord("x")]
    shown.write("first")
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
        shown.write("gone")


def test_an_opencv_without_windows_is_a_clear_error(monkeypatch):
    def refuse(*_):
        raise cv2.error("not implemented")

    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(MambatrackError, match="opencv-python in place of opencv-python-headless"):
        Window()
