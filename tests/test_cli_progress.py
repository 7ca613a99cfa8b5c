"""Plain lines where there is no terminal: how much is done, how fast, how long it takes."""

import sys

import pytest

from mambatrack.cli import progress
from mambatrack.cli.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_few_seconds(clock, capsys):
    with Progress("frames", 200, title="clip") as shown:
        for done in range(1, 102):
            shown.update(done)
            clock[0] += 0.125
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "clip: 41 of 200 frames, 8.0 a second, 20 s left",
        "clip: 81 of 200 frames, 8.0 a second, 15 s left",
    ]


def test_speed_is_that_of_this_run_not_of_one_it_goes_on_from(clock, capsys):
    shown = Progress("steps", None)
    clock[0] += 60  # loading data
    for done in range(5000, 5101):
        shown.update(done)
        clock[0] += 0.125
    assert "5040 steps, 8.0 a second" in capsys.readouterr().err


def test_quiet_is_silent(clock, capsys):
    with Progress("frames", 10, quiet=True) as shown:
        clock[0] += 100
        shown.update(5)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress("frames", 10, title="clip") as shown:
        for done in range(1, 11):
            shown.update(done)
    printed = capsys.readouterr().err
    assert "clip" in printed and "10/10" in printed and "a second" in printed


def test_a_source_that_is_read_twice_has_a_speed_of_its_own_each_time(clock, capsys):
    with Progress("frames", 50) as shown:
        for done in [*range(1, 51), *range(1, 51)]:
            shown.update(done)
            clock[0] += 0.125 if done < 50 else 100  # between the two
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["41 of 50 frames, 8.0 a second, 1 s left"] * 2


def test_so_does_its_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress("frames", 10) as shown:
        for done in (1, 10, 1, 4):
            shown.update(done)
    assert "4/10" in capsys.readouterr().err
