"""Experiments that can be run again: their scripts start with the code as it is."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/experiments"
SCRIPTS = sorted(FOLDER.glob("*.py"))
ASK_ALL = """if True:
    import contextlib, io, json, runpy, sys, traceback
    answers = {}
    for script in sys.argv[1:]:
        sys.argv, said = [script, "--help"], io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                runpy.run_path(script, run_name="__main__")
                end = "ran on"
            except SystemExit as ended:
                end = ended.code
            except BaseException:
                end = traceback.format_exc()
        answers[script] = end, said.getvalue()
    print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers():
    """How each script ended when asked for help, and what it said; all of them in one process,
    which loads torch once."""
    paths = os.pathsep.join(map(str, [ROOT, ROOT / "tests", FOLDER]))
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL, *map(str, SCRIPTS)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_of_an_experiment_starts(script, answers):
    end, said = answers[str(script)]
    assert end in (0, None), f"{end}\n{said}"
    assert said.startswith(f"usage: {script.name}")


def test_names_in_often_may_begin_with_dashes_and_have_equals_signs(monkeypatch):
    """A recording of a data set in the current folder is named -NAME-SEQUENCE.npz."""
    monkeypatch.syspath_prepend(str(FOLDER))
    script = importlib.import_module("association_from")
    often = script.factors_of(["-simulated-0=2", "a=b=0.5", "walkers=1e-1"])
    assert often == [("simulated-0", 2.0), ("a=b", 0.5), ("walkers", 0.1)]
    given = script.parser().parse_args(["tune", "--often", "a=1", "b=2", "--often=-c=3"])
    assert given.often == ["a=1", "b=2", "-c=3"]
