"""What an import of the package gives, costs and refuses."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fresh_python import python

ROOT = Path(__file__).parents[1]


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    loaded = python("import sys, mambatrack; print(*sys.modules)", tmp_path).split()
    heavy = {"torch", "cv2", "motmetrics", "rich", "yaml", "av", "pandas", "scipy", "matplotlib"}
    assert "mambatrack" in loaded
    assert not heavy & set(loaded)


def test_every_public_name_is_there():
    import mambatrack

    for name in mambatrack.__all__:
        assert getattr(mambatrack, name) is not None and name in dir(mambatrack)
    assert {*mambatrack.__all__} == {*mambatrack._HOME, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'Trakcer'"):
        mambatrack.Trakcer  # noqa: B018


def test_every_public_name_is_in_the_reference():
    import mambatrack

    listed = re.findall(
        r"^::: mambatrack\.(\w+)$", (ROOT / "docs/api.md").read_text(), re.MULTILINE
    )
    assert sorted([*listed, "__version__"]) == sorted(mambatrack.__all__)


def test_public_functions_take_a_path_as_text_too():
    import mambatrack

    for name in mambatrack.__all__:
        member = getattr(mambatrack, name)
        if inspect.isfunction(member):
            for each in inspect.signature(member).parameters.values():
                assert each.annotation is not Path, f"{name}({each.name})"


@pytest.mark.parametrize("folder", ["outputs", "datasets"])
def test_folders_that_were_modules_hand_on_what_they_had(folder):
    package = importlib.import_module(f"mambatrack.{folder}")
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["kernels", "detectors"])
def test_the_generic_folder_names_refuse_to_be_imported(name):
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
    )
    assert f"ImportError: import mambatrack.{name}" in done.stderr


@pytest.mark.parametrize("demo", sorted((ROOT / "demo").glob("*.py")), ids=lambda path: path.name)
def test_the_names_at_the_top_are_enough_for_the_demos(demo):
    inner = re.findall(r"^\s*(?:from|import) (mambatrack\.\S+)", demo.read_text(), re.MULTILINE)
    assert not inner
