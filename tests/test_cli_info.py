"""`mambatrack info`: what is here, what would be used, and what may be used for what."""

import importlib.metadata
import io
import json
import platform
import subprocess
import sys

import pytest
from rich.console import Console

from mambatrack.cli import info as module
from mambatrack.cli import main
from mambatrack.cli.info import info
from mambatrack.cli.licences import CODE, NEEDED_FOR, commercial_use
from mambatrack.detectors.automatic import MARK
from mambatrack.detectors.download import named_models
from mambatrack.networks.model_files import WEIGHTS
from mambatrack.version import VERSION
from videos import write_avi


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
    assert {f"{name}.safetensors" for name in NEEDED_FOR} == set(rows(found["Shipped weights"]))
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
    monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    found = info()
    assert found["Devices"].rows == (("OSError: libcuda.so is damaged", ""),)
    assert all(row[1].startswith("no model card") for row in found["Shipped weights"].rows)
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


def test_detectors_in_the_cache_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path))
    monkeypatch.setenv("MAMBATRACK_OFFLINE", "1")
    found = rows(info()["Detectors"])
    assert found["cache"] == (str(tmp_path),)
    assert found["auto, the default"] == ("own, as MAMBATRACK_OFFLINE is set",)
    assert found["yolox_nano"] == ("not in the cache, 3.7 MB",)
    monkeypatch.setenv("MAMBATRACK_OFFLINE", "0")
    assert rows(info()["Detectors"])["auto, the default"][0].startswith("yolox_nano, fetched")
    (tmp_path / MARK).touch()
    taken = rows(info()["Detectors"])["auto, the default"]
    assert taken == ("own, as no model could be fetched some minutes ago",)
    with (tmp_path / "yolox_nano.onnx").open("wb") as file:
        file.truncate(named_models()["yolox_nano"].size)
    found = rows(info()["Detectors"])
    assert found["yolox_nano"] == ("in the cache, 3.7 MB",)
    assert found["auto, the default"] == ("yolox_nano, from the cache",)
    assert found["yolox_tiny"] == ("not in the cache, 20.2 MB",)


def test_every_shipped_network_is_told_with_its_size():
    told = rows(info()["Shipped weights"])
    assert {name.removesuffix(".safetensors") for name in told} == set(NEEDED_FOR)
    for network, learnt_from in told.values():
        assert len(network.split(", ")) > 2 and learnt_from


def test_what_is_free_for_commercial_use_is_told_of_every_part():
    found = rows(info()["Commercial use"])
    assert found["code"] == ("everything", "yes: Apache-2.0")
    assert {path.stem for path in WEIGHTS.glob("*.safetensors")} == set(NEEDED_FOR)
    for name, needed_for in NEEDED_FOR.items():
        of_pictures = name in ("mambatrack-detector", "mambatrack-embedder")
        begins = "read the licence: COCO" if of_pictures else "no: DanceTrack"
        assert found[name][0] == needed_for and found[name][1].startswith(begins)
    for name, model in named_models().items():
        assert found[f"{name}.onnx"] == (f"--detector {name}", f"yes: {model.licence}")
    licence = (WEIGHTS.parents[1] / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence and "Version 2.0" in licence and CODE == "Apache-2.0"


@pytest.mark.parametrize(
    ("licence", "answer"),
    [
        ("MIT", "yes: MIT"),
        ("CC BY-NC 4.0", "no: CC BY-NC"),
        ("CC BY 4.0, non-commercial research", "no: CC BY 4.0, non"),
        ("AGPL-3.0", "read the licence: AGPL-3.0"),
        ("", "read the licence: none is told"),
    ],
)
def test_the_words_of_a_licence_decide(licence, answer):
    assert commercial_use(licence).startswith(answer)


READ = """
import sys
from pathlib import Path
from mambatrack.cli import main

read, inner = set(), Path.read_bytes
Path.read_bytes = lambda path: read.add(path) or inner(path)
assert main(["track", *sys.argv[1:], "--quiet"]) == 0
print(*sorted(path.stem for path in read if path.suffix == ".safetensors"))
"""
PLAIN = ("--predictor", "kalman", "--association", "overlap")


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ((*PLAIN, "--detector", "motion"), set()),
        ((*PLAIN, "--detector", "motion", "--line", "door:0,20,60,20"), {"mambatrack-refill"}),
        (("--detector", "motion"), {"mambatrack-window", "mambatrack-association"}),
        (
            ("--predictor", "kalman", "--association", "light", "--detector", "motion"),
            {"mambatrack-association-light"},
        ),
    ],
)
def test_only_the_settings_that_are_told_read_weights(tmp_path, options, weights):
    source = write_avi(tmp_path / "a.avi")
    given = [str(source), "--jsonl", str(tmp_path / "a.jsonl"), *options]
    ran = subprocess.run(
        [sys.executable, "-c", READ, *given], capture_output=True, text=True, check=True
    )
    assert set(ran.stdout.split()) == weights


@pytest.mark.parametrize(("columns", "most"), [(None, 100), ("70", 70), ("20", 60)])
def test_lines_in_a_pipe_are_folded_and_nothing_is_left_out(columns, most, monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert max(map(len, lines)) <= most and "\u2026" not in said
    assert all(line == line.rstrip() for line in lines)
    together = "".join(said.split())
    assert all(f"{name}.safetensors" in together for name in NEEDED_FOR)
