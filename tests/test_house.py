"""The contract of the folders in setup.cfg: kept, and what breaks it is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house import without_an_assertion

ROOT = Path(__file__).parents[1]
pytest.importorskip("importlinter", reason="needs the extra [dev]")


def lint_imports(folder):
    """Exit status and report of lint-imports there."""
    code = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-logo", "--no-cache"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_every_import_goes_down():
    status, report = lint_imports(ROOT)
    assert status == 0, report


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package as it is installed, with the contract."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "mambatrack", folder / "mambatrack")
    shutil.copy(ROOT / "setup.cfg", folder)
    return folder


@pytest.mark.parametrize(
    ("importer", "statement", "reported"),
    [
        ("kernels/reference.py", "import mambatrack.errors", "reference -> mambatrack.errors"),
        ("boxes.py", "def f():\n    import mambatrack.motion", "boxes -> mambatrack.motion"),
        ("gaps/filling.py", "if TYPE_CHECKING:\n    import mambatrack.live", "-> mambatrack.live"),
        ("cli/info.py", "from mambatrack import interop", "cli.info -> mambatrack.interop"),
        ("live/session.py", "from mambatrack import Tracker", "live.session -> mambatrack "),
        ("sources/readers.py", "import mambatrack.sources.frames", "in mambatrack.sources"),
        ("new.py", "", "mambatrack.new"),
    ],
)  # fmt: skip
def test_an_import_upwards_is_named(copy, importer, statement, reported):
    module = copy / "mambatrack" / importer
    before = module.read_text() if module.exists() else None
    module.write_text(f"{before or ''}\nfrom typing import TYPE_CHECKING\n{statement}\n")
    try:
        status, report = lint_imports(copy)
    finally:
        module.unlink() if before is None else module.write_text(before)
    assert status == 1
    assert reported in report


def test_every_test_asserts_something(tmp_path):
    assert without_an_assertion(ROOT) == []
    tests = {
        "a": "works()",
        "b": "assert works()",
        "c": "with pytest.raises(E): works()",
        "d": "np.testing.assert_array_equal(a, b)",
        "e": "with nullcontext(): works()",
    }
    (tmp_path / "tests").mkdir()
    lines = [f"def test_{name}():\n    {body}\n" for name, body in tests.items()]
    (tmp_path / "tests" / "test_x.py").write_text("".join(lines))
    assert without_an_assertion(tmp_path) == ["test_x.py:1 test_a", "test_x.py:9 test_e"]


def test_measures_of_a_small_package(tmp_path):
    """Two folders that import each other, the second way in a function; three levels without."""
    modules = {
        "mambatrack/__init__.py": "from mambatrack.low import ground\n",
        "mambatrack/low/__init__.py": "",
        "mambatrack/low/ground.py": "def one():\n    import mambatrack.high.top\n",
        "mambatrack/low/loose.py": "X = 1\n" * 301,
        "mambatrack/high/__init__.py": "",
        "mambatrack/high/top.py": "import mambatrack.low.ground\n\n\ndef two(): ...\n",
        "kernels/__init__.py": "",
        "tests/test_low_ground.py": "",
    }
    for name, content in modules.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    command = [sys.executable, str(ROOT / "tests" / "house.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = (line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "|" in line)
    found = {row[0]: row[1] for row in rows if len(row) == 2}
    assert found["folders with modules"] == "4" and found["modules"] == "7"
    assert (found["circles of modules"], found["circles of folders"]) == ("1", "1")
    assert found["imports upwards"] == "1"
    assert (found["levels of modules"], found["levels of folders"]) == ("1", "1")
    assert found["functions"] == "2" and found["lines of a function: most"] == "2"
    assert found["lines of a file: most"] == "301 (mambatrack/low/loose.py)"
    assert found["modules without a test of their name"] == "2"
    assert done.stdout.endswith(": high/top low/loose\n")
