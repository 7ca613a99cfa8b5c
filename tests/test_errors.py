"""Errors that a user can act on."""

import ast
import configparser
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import (
    PACKAGES,
    MambatrackError,
    MissingExtra,
    check_extras,
    counted,
    shown,
)

ROOT = Path(__file__).parents[1]
COUNTING = "cli", "counting", "datasets", "live", "outputs", "result_files", "runs", "sources"
BY_HAND = re.compile(
    r"(\{[^{}]*\} (?:box|class|switch|frame|track|id|picture|image|video|sequence|file|line|row"
    r"|column|result|link|source|detection|time|cut)e?s\b(?! a second| from))"
)


def named_extras():
    """(package, extra) of every MissingExtra in the source that is written out."""
    for path in [*ROOT.glob("mambatrack/**/*.py"), *ROOT.glob("detectors/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtra"
            if called and all(isinstance(each, ast.Constant) for each in node.args[:2]):
                yield node.args[0].value, node.args[1].value


def test_every_extra_that_is_named_brings_its_package():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    extras = {
        name: {re.split(r"[<>=;\[ ]", line)[0] for line in lines.split("\n") if line}
        for name, lines in settings["options.extras_require"].items()
    }
    found = set(named_extras())
    found |= {(package, extra) for extra, brought in PACKAGES.items() for package in brought}
    assert len(found) >= 5
    for package, extra in found:
        assert package in extras[extra], f"extra {extra} does not bring {package}"


def test_a_missing_package_comes_with_its_command():
    error = MissingExtra("matplotlib", "plot", "drawing scores")
    assert isinstance(error, MambatrackError) and isinstance(error, ValueError)
    assert str(error) == (
        "drawing scores needs the package matplotlib, which is not installed: "
        "pip install 'mambatrack[plot]'"
    )


def test_all_missing_packages_come_with_one_command(monkeypatch):
    for name in ("trackeval", "matplotlib", "websockets"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MambatrackError) as caught:
        check_extras(["eval", "plot", "web"])
    assert str(caught.value) == (
        "this needs packages that are not installed (trackeval, matplotlib, websockets): "
        "pip install 'mambatrack[eval,plot,web]'"
    )
    check_extras([])


def test_long_values_are_shown_short():
    for value in ("x" * 10**6, list(range(10**5)), 10**5000, {1: "y" * 10**5}):
        assert 5 < len(shown(value)) < 200


def test_an_array_is_one_line():
    assert shown(np.zeros((3, 3))).startswith("array([[0., 0., 0.], ")
    assert "\n" not in shown([np.zeros((3, 3))])


@given(st.recursive(st.none() | st.floats() | st.text() | st.integers(), st.lists))
def test_any_value_is_one_line(value):
    assert "\n" not in shown(value) and shown(value)


def test_what_is_counted_has_the_right_number():
    told = [counted(number, noun) for number in (0, 1, 2) for noun in ("frame", "lost box")]
    assert told == [
        "0 frames", "0 lost boxes", "1 frame", "1 lost box", "2 frames", "2 lost boxes",
    ]  # fmt: skip


def test_no_message_counts_by_itself():
    """``{count} frames`` in a text is wrong for one of them; counted() is not."""
    folders = [*(ROOT / "mambatrack" / each for each in COUNTING), ROOT / "detectors"]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    found = [(path.name, each) for path in sources for each in BY_HAND.findall(path.read_text())]
    assert len(sources) > 100 and found == []
