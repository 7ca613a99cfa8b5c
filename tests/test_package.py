"""What is installed is what is imported: the wheel, the import's cost and the generic names."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code: str, folder: Path, **environment: str) -> str:
    """The output of a fresh interpreter that runs ``code`` in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    loaded = python("import sys, mambatrack; print(*sys.modules)", tmp_path).split()
    heavy = {"torch", "cv2", "motmetrics", "rich", "yaml", "av", "pandas", "scipy", "matplotlib"}
    assert "mambatrack" in loaded
    assert not heavy & set(loaded)


def test_every_public_name_is_there():
    import mambatrack

    for name in mambatrack.__all__:
        assert getattr(mambatrack, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Trakcer'"):
        mambatrack.Trakcer  # noqa: B018


@pytest.mark.parametrize("name", ["kernels", "detectors"])
def test_the_generic_folder_names_refuse_to_be_imported(name):
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
    )
    assert f"ImportError: import mambatrack.{name}" in done.stderr


def built_wheel(copy: Path, out: Path, **environment: str) -> tuple[Path, str]:
    """Built from a copy of the tracked and new files, so that the checkout stays as it is; and
    what the build printed."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, files.split("\0")):
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        elif source.is_file():
            target.write_bytes(source.read_bytes())
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = out.glob("*.whl")
    return built, done.stdout


def install(wheel: Path, folder: Path) -> None:
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([sys.executable, *command, str(folder), str(wheel)], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist"))[0]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    install(wheel, folder)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {re.sub(r"-.*\.dist-info", "", top) for top in tops} == {"mambatrack"}
    expected = {f"mambatrack/{path.name}" for path in (ROOT / "mambatrack").glob("*.py")}
    for folder in ("kernels", "detectors"):
        expected |= {f"mambatrack/{folder}/{path.name}" for path in (ROOT / folder).glob("*.py")}
    data = [*ROOT.glob("configs/*.yaml"), *ROOT.glob("mambatrack/weights/*.*")]
    expected |= {f"mambatrack/{path.parent.name}/{path.name}" for path in data}
    assert expected | {"mambatrack/py.typed"} <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


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


def test_the_package_builds_and_works_without_a_compiler(tmp_path):
    wheel, printed = built_wheel(tmp_path / "checkout", tmp_path / "dist", CC="/bin/false")
    assert printed.count("mambatrack: no C library, the torch loop does its work (") == 1
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


def test_an_installed_package_reads_every_shipped_configuration(installed, tmp_path):
    code = """if True:
        from pathlib import Path
        import mambatrack
        folder = Path(mambatrack.__file__).parent / "configs"
        names = [path.stem for path in folder.glob("*.yaml") if path.stem != "detectors"]
        for name in names:
            mambatrack.load_config(name)
        print(folder, len(names))
    """
    folder, count = python(code, tmp_path, PYTHONPATH=str(installed)).split()
    assert folder.startswith(str(installed))
    shipped = {path.stem for path in ROOT.glob("configs/*.yaml")} - {"detectors"}
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


def test_the_shipped_weights_are_small_and_documented():
    for weights in ROOT.glob("mambatrack/weights/*.safetensors"):
        assert weights.stat().st_size < 4e6
        assert weights.with_suffix(".json").is_file()
