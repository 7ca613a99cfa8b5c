"""The tutorial works: its commands run in their order, in an empty folder, on what it makes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAMS = {
    "python": f"{sys.executable}",
    "mambatrack": f"{sys.executable} -m mambatrack",
}


def command_of(line: str) -> list[str]:
    """The words of a command line, its program found where the tests run."""
    program, *arguments = line.split()
    paths = [str(ROOT / word) if word.startswith("demo/") else word for word in arguments]
    return [*PROGRAMS[program].split(), *paths]


def commands() -> list[list[str]]:
    """Every command of the page in its order; a block of Python is one."""
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    found = []
    for language, text in BLOCK.findall(page):
        if language == "python":
            found.append([sys.executable, "-c", text])
        else:
            lines = re.sub(r"\\\n\s*", "", text).splitlines()
            found += [command_of(line) for line in lines]
    return found


@pytest.mark.timeout(900)
def test_every_command_of_the_tutorial_runs(tmp_path):
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "MAMBATRACK_OFFLINE": "1"}
    for command in commands():
        done = subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    written = {
        "people.mp4", "people.txt", "people.jsonl", "boxes.mp4", "boxes.txt", "report.html",
        "tuned.txt", "tuned/best.yaml", "motion/predictor.safetensors",
        "association/association.safetensors",
    }  # fmt: skip
    assert {name for name in written if not (tmp_path / name).stat().st_size} == set()
