import importlib.metadata
import io
import json
import platform

import pytest
from rich.console import Console

from mambatrack.cli import info as module
from mambatrack.cli import main
from mambatrack.cli.info import info
from mambatrack.version import VERSION


@pytest.fixture
def required(monkeypatch):
    """What the installation names, in place of the real."""

    def put(*lines):
        monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(lines))

    return put


def rows(section):
    return {row[0]: row[1:] for row in section.rows}


def test_everything_is_there_and_printable():
    found = info()
    assert rows(found["Versions"])["mambatrack"] == (VERSION,)
    assert rows(found["Versions"])["Python"] == (platform.python_version(),)
    assert "cpu" in rows(found["Devices"]) and "machine" in rows(found["Machine"])
    assert rows(found["Shipped weights"])["mamba"][0].endswith(".safetensors")
    assert any("selective_scan" in row[0] for row in found["Backends"].rows)
    console = Console(width=250, file=io.StringIO(), record=True)
    console.print(*found.tables())
    assert "CC BY" in console.export_text()
    assert json.loads(json.dumps(found.as_json()))["Versions"][0]["version"] == VERSION


def test_a_missing_extra_comes_with_its_command(required):
    required(
        "numpy>=1.26",
        "package-of-nowhere>=2",
        'rich>=13; extra == "held"',
        'rich>=13; extra == "half"',
        'Not.Here>=1; python_version >= "3.10" and extra == "half"',
        'ruff>=0.6; extra == "dev"',
    )
    found = info()
    assert rows(found["Versions"])["package-of-nowhere"] == ("not installed",)
    extras = rows(found["Extras"])
    assert set(extras) == {"held", "half"}
    assert extras["held"][0].startswith("rich ") and extras["held"][1] == ""
    assert extras["half"][1] == "pip install 'mambatrack[half]'"


def test_opencv_counts_under_any_of_its_names(monkeypatch):
    def version(name):
        if name == "opencv-python-headless":
            return "4.9"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert module._version("opencv-python") == "4.9"
    assert module._version("opencv") == ""


def test_a_broken_part_says_why_and_hides_no_other(monkeypatch, tmp_path):
    def broken():
        raise OSError("libcuda.so is damaged\nand more")

    sections = tuple(
        (title, headings, broken if title == "Devices" else find)
        for title, headings, find in module.SECTIONS
    )
    monkeypatch.setattr(module, "SECTIONS", sections)
    monkeypatch.setattr(module, "weights_path", lambda name: tmp_path / f"{name}.safetensors")
    found = info()
    assert found["Devices"].rows == (("OSError: libcuda.so is damaged", ""),)
    assert all(row[2].startswith("no model card") for row in found["Shipped weights"].rows)
    assert len(found["Machine"].rows) >= 2


def test_without_an_installation(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    found = info()
    assert len(found["Versions"].rows) == 2 and found["Extras"].rows == ()


def test_info_says_what_is_there(capsys):
    assert main(["info"]) == 0
    assert "selective_scan" in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    assert "Backends" in json.loads(capsys.readouterr().out)
