"""What is installed is what is imported: the wheel, the source distribution, and a checkout."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from fresh_python import python

ROOT = Path(__file__).parents[1]
MOST_WEIGHTS = 1_000_000


def repository_files() -> list[str]:
    """Tracked and new files; skips where this is no git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to build in, so that the checkout itself stays as it is."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in repository_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def build(checkout: Path, out: Path, *options: str, **environment: str) -> str:
    """Puts sdist and wheel, or what the options name, into ``out``; what the build printed."""
    command = [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", str(out)]
    done = subprocess.run(
        [*command, str(checkout)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(wheel: Path, folder: Path) -> None:
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([sys.executable, *command, str(folder), str(wheel)], check=True)


@pytest.fixture(scope="module")
def quick_compiler(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment for the C compiler without its optimisations, which take longer than all else."""
    if shutil.which("cc") is None:
        return {}
    script = tmp_path_factory.mktemp("compiler") / "cc"
    script.write_text('#!/bin/sh\nexec cc "$@" -O0\n')
    script.chmod(0o755)
    return {"CC": str(script)}


@pytest.fixture(scope="module")
def dist(
    checkout: Path, quick_compiler: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the source distribution and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build(checkout, folder, **quick_compiler)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    [built] = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    install(wheel, folder)
    return folder


def in_the_package(name: str) -> bool:
    return name.startswith(("mambatrack/", "kernels/", "detectors/", "configs/"))


def packaged(names: Iterable[str]) -> set[str]:
    """Where files or folders of the repository lie in the wheel."""
    return {f"mambatrack/{name.removeprefix('mambatrack/')}" for name in names}


def test_setup_lists_every_folder_with_modules():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    files = [Path(name) for name in repository_files() if in_the_package(name)]
    found = {path.parent.as_posix() for path in files if path.name == "__init__.py"}
    listed = settings["options"]["packages"].split()
    assert set(listed) == {
        name.replace("/", ".") for name in packaged(found - {"mambatrack"}) | {"mambatrack"}
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    about = {name for name in names if re.match(r"mambatrack-.*\.dist-info/", name)}
    assert any(name.endswith("/licenses/LICENSE") for name in about)
    files = [name for name in repository_files() if in_the_package(name)]
    kept = [name for name in files if not name.endswith((".c", ".h", ".md"))]
    expected = packaged(name for name in kept if not (ROOT / name).is_symlink())
    library = "mambatrack/kernels/cpu/libmambatrack.so"
    assert names - about - {library} == expected


def test_the_source_distribution_holds_the_repository(dist):
    [archive] = dist.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {member.name.partition("/")[2] for member in file if member.isfile()}
    expected = {name for name in repository_files() if not (ROOT / name).is_symlink()}
    assert names >= expected - {".gitignore"}
    assert not [name for name in names if name.endswith((".so", ".pyc"))]


def test_an_installed_package_finds_its_parts_from_any_folder(installed, tmp_path):
    code = """if True:
        import mambatrack, mambatrack.configs, mambatrack.detectors, mambatrack.kernels
        from pathlib import Path
        for module in (mambatrack, mambatrack.configs, mambatrack.detectors, mambatrack.kernels):
            print(Path(module.__file__).parent)
    """
    places = python(code, tmp_path, PYTHONPATH=str(installed)).splitlines()
    home = installed / "mambatrack"
    assert places == [str(home), *(str(home / n) for n in ("configs", "detectors", "kernels"))]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_an_installed_package_has_its_library(wheel, installed, tmp_path):
    assert "-py3-none-" in wheel.name  # the library knows nothing of Python
    code = "from mambatrack.kernels.cpu import library as lib; "
    code += "print(lib.LIBRARY, lib.why_not(), lib.variant())"
    place, variant = python(code, tmp_path, PYTHONPATH=str(installed)).split()
    assert place == str(installed / "mambatrack/kernels/cpu/libmambatrack.so")
    assert variant in ("avx512", "avx2", "baseline")


def test_the_package_builds_and_works_without_a_compiler(checkout, tmp_path):
    printed = build(checkout, tmp_path, "--wheel", CC="/bin/false")
    assert printed.count("mambatrack: no C library, the torch loop does its work (") == 1
    [wheel] = tmp_path.glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    install(wheel, tmp_path / "installed")
    code = """if True:
        import torch
        from mambatrack.kernels import selective_scan
        from mambatrack.kernels.cpu import library
        one = torch.ones(1, 1, 1)
        print(float(selective_scan(one, one, -torch.ones(1, 1), one, one)), library.why_not())
    """
    printed = python(code, tmp_path, PYTHONPATH=str(tmp_path / "installed"))
    assert printed.startswith("1.0 it was not built")


def installed_editable(checkout: Path, folder: Path) -> Path:
    """An interpreter that has mambatrack as ``pip install -e`` installs it, and nothing else."""
    code = f"from setuptools.build_meta import build_editable as run; run({str(folder)!r})"
    python(code, checkout, CC="/bin/false")
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    install(wheel, Path(sysconfig.get_path("purelib", vars=paths)))
    return Path(sysconfig.get_path("scripts", vars=paths)) / "python"


def test_an_editable_installation_is_typed(checkout, tmp_path):
    pytest.importorskip("mypy", reason="needs the extra [dev]")
    interpreter = installed_editable(checkout, tmp_path)
    program = tmp_path / "elsewhere" / "program.py"
    program.parent.mkdir()
    program.write_text(
        "import mambatrack\n"
        "from mambatrack.detectors import open_detector\n"
        "from mambatrack.kernels import reference\n"
        "tracker = mambatrack.Tracker(image_size=(640, 480))\n"
        "reveal_type(tracker.update([]))\n"
        "reveal_type(open_detector)\n"
        "reference.selective_scna\n"
    )
    arguments = ["--python-executable", str(interpreter), "program.py"]
    code = f"from mypy import api; print(api.run({arguments})[0])"
    said = python(code, program.parent, PYTHONPATH="")
    assert '5: note: Revealed type is "mambatrack.tracks.Tracks"' in said
    assert '6: note: Revealed type is "def (detector: ' in said
    assert "7: error: Module has no attribute" in said
    assert "import-not-found" not in said


def test_a_checkout_without_links_is_installed_by_an_import_hook(checkout, tmp_path):
    """As git leaves it on Windows: what is a link elsewhere is a file that holds its target."""
    copy = tmp_path / "checkout"
    shutil.copytree(checkout, copy, symlinks=True)
    for name in ("kernels", "detectors", "configs"):
        (copy / "mambatrack" / name).unlink()
        (copy / "mambatrack" / name).write_text(f"../{name}")
    interpreter = installed_editable(copy, tmp_path)
    code = "import mambatrack.kernels, mambatrack.configs as c; print(c.__file__)"
    place = python(code, tmp_path, interpreter, PYTHONPATH="").strip()
    assert place == str(copy / "configs" / "__init__.py")


def test_an_installed_package_reads_every_shipped_configuration(installed, tmp_path):
    code = """if True:
        from pathlib import Path
        import mambatrack
        from mambatrack.config import MODEL_LISTS as MODELS
        folder = Path(mambatrack.__file__).parent / "configs"
        names = [path.stem for path in folder.glob("*.yaml") if path.stem not in MODELS]
        for name in names:
            mambatrack.load_config(name)
        print(folder, len(names))
    """
    folder, count = python(code, tmp_path, PYTHONPATH=str(installed)).split()
    assert folder.startswith(str(installed))
    shipped = {path.stem for path in ROOT.glob("configs/*.yaml")} - {"detectors", "embedders"}
    assert int(count) == len(shipped)


def test_an_installed_package_loads_its_shipped_weights(installed, tmp_path):
    code = """if True:
        import mambatrack
        from pathlib import Path
        for name in ("mamba", "mamba-window"):
            mambatrack.load_predictor(name, (640, 480))
        assert len(mambatrack.Tracker(image_size=(640, 480)).update([[0, 0, 40, 90, 0.9]])) == 1
        print(Path(mambatrack.__file__).parent / "weights")
    """
    assert str(installed) in python(code, tmp_path, PYTHONPATH=str(installed))


def test_the_shipped_weights_are_small_and_documented() -> None:
    shipped = list(ROOT.glob("mambatrack/weights/*.safetensors"))
    assert len(shipped) >= 7
    assert all("quantised" in json.loads(each.with_suffix(".json").read_text()) for each in shipped)
    assert sum(each.stat().st_size for each in shipped) <= MOST_WEIGHTS, (
        f"the weights of the package may have {MOST_WEIGHTS} bytes; docs/quantization.md says how "
        "files become smaller"
    )
