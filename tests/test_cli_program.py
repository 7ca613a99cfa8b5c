"""The program as a whole: what it loads, and how it ends."""

import os
import subprocess
import sys

import pytest

from fresh_python import python
from mambatrack.cli import main


def test_help_loads_no_network(tmp_path):
    code = "import sys\nfrom mambatrack.cli import main\ntry: main(['--help'])\nexcept SystemExit: "
    code += "print('torch' in sys.modules, 'cv2' in sys.modules)"
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_reader_that_leaves_is_no_error(tmp_path):
    command = f"{sys.executable} -m mambatrack config | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "tracker:  # How boxes become tracks\n" and done.stderr == ""


def test_wrong_usage_is_two_lines(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["track", "a.mp4", "b.mp4"])
    way, error = capsys.readouterr().err.splitlines()
    assert "b.mp4; expected one SOURCE: of several videos or pictures name the folder" in error
    assert way == "all options: mambatrack track --help"


@pytest.mark.parametrize(("words", "said"), [
    (["--", "-a.mp4", "--mot", "x"], "--mot behind --, where names stand; put options before --"),
    (["-a.mp4"], "argument -a.mp4; the file of this name is ./-a.mp4"),
    (["a.mp4", "--mot", "-x.txt"], "a value that begins with - is joined to it by ="),
])  # fmt: skip
def test_names_that_begin_with_a_dash(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-a.mp4").touch()
    with pytest.raises(SystemExit):
        main(["track", *words])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "packages", "extras"),
    [
        (["eval", "--report", "r.html"], "trackeval, matplotlib", "eval,plot"),
        (["eval", "--csv", "r.csv"], "trackeval", "eval"),
        (["tune", "--trials", "1", "--out", "o"], "optuna, trackeval", "tune,eval"),
    ],
)
def test_everything_that_is_missing_is_named_before_any_work(
    words, packages, extras, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("trackeval", "matplotlib", "optuna"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([words[0], "--dataset", str(tmp_path), *words[1:]]) == 1
    assert capsys.readouterr().err == (
        f"error: this needs packages that are not installed ({packages}): "
        f"pip install 'mambatrack[{extras}]'\n"
    )


@pytest.mark.parametrize(("given", "threads"), [("", "1"), ("2", None)])
def test_numpy_has_one_thread_unless_the_environment_says_otherwise(given, threads, tmp_path):
    code = (
        "import os, sys, mambatrack.cli\n"
        "assert 'numpy' not in sys.modules\n"
        "[os.environ.pop(name, None) for name in mambatrack.cli.THREADS]\n"
        f"os.environ.update({{'OMP_NUM_THREADS': '{given}'}} if '{given}' else {{}})\n"
        "mambatrack.cli.main(['config', '--quiet'])\n"
        "print(os.environ.get('OPENBLAS_NUM_THREADS'))\n"
    )
    assert python(code, tmp_path).splitlines()[-1] == str(threads)


def test_an_interrupt_while_modules_are_loaded_is_no_traceback(tmp_path):
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'numpy': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "import mambatrack.cli\n"
        "print(mambatrack.cli.main(['info']))\n"
    )
    assert python(code, tmp_path) == "130\n"
