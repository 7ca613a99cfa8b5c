"""The tutorial works: its commands run in their order, in an empty folder, on what it makes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mambatrack.cli import main

ROOT = Path(__file__).parents[1]
SHORTER = {  # the same with less of it; everything else is as it is on the page
    "--seconds 4": "--seconds 1", "--walkers 4": "--walkers 2", "--trials 4": "--trials 2",
    "--training.steps 50": "--training.steps 10", "--association.steps 20": "--association.steps 5",
}  # fmt: skip
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def command_of(line: str) -> list[str]:
    """The words of a command line; what is in the repository is found from any folder."""
    return [str(ROOT / word) if word.startswith("demo/") else word for word in line.split()]


def commands() -> list[list[str]]:
    """Every command of the page in its order; a block of Python is one."""
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    found = []
    for language, text in BLOCK.findall(page):
        if language == "python":
            found.append(["python", "-c", text])
        else:
            for each, shorter in SHORTER.items():
                text = text.replace(each, shorter)
            lines = re.sub(r"\\\n\s*", "", text).splitlines()
            found += [command_of(line) for line in lines]
    return found


def test_what_is_made_shorter_is_on_the_page():
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    assert [each for each in SHORTER if each not in page] == []


@pytest.mark.timeout(900)
def test_every_command_of_the_tutorial_runs(tmp_path, monkeypatch, capfd, quick_trainings):
    """Those of mambatrack in this process, which has loaded what they need."""
    monkeypatch.chdir(tmp_path)
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    for program, *arguments in commands():
        if program == "mambatrack":
            code = main(arguments)
        else:
            assert program == "python"
            code = subprocess.run([sys.executable, *arguments], env=surroundings).returncode
        assert code == 0, f"{arguments}\n{capfd.readouterr()}"
    written = {
        "people.mp4", "people.txt", "people.jsonl", "boxes.mp4", "boxes.txt", "report.html",
        "tuned.txt", "tuned/best.yaml", "motion/predictor.safetensors",
        "association/association.safetensors",
    }  # fmt: skip
    assert {name for name in written if not (tmp_path / name).stat().st_size} == set()
