"""The C library in processes of their own: each instruction set, and under the sanitizer."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from mambatrack.kernels.cpu import library as cpu
from split_processes import run_split

ROOT = Path(__file__).parents[1]
VARIANTS = cpu.VARIANTS
NAMES = (
    "functions", "network", "pairs", "neighbours", "problems", "motion", "settling",
    "window_motion", "filter_motion", "overlap_frame", "usual_frames", "looking",
)  # fmt: skip
MODULES = [f"test_kernels_cpu_{name}" for name in NAMES]  # have measurements() and as_expected()
CHECK = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import c_library
c_library.write_measured({variant!r}, Path({library!r}), Path({file!r}))
"""

needs_library = pytest.mark.skipif(not cpu.available(), reason=cpu.why_not())


@cache
def measured(variant):
    """What ``measurements()`` of each module gives with this instruction set, in a process of its
    own; skips where it cannot run here."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        done = run_split(Path(folder), write_measured, variant, cpu.LIBRARY, file)
        assert done.returncode == 0, done.stderr[-4000:]
        return _read(file)


@cache
def measured_under_sanitizer():
    """The same with a library built with gcc's address sanitizer, which ends the process at the
    first access out of bounds, and the ends of mutants of weights; skips where there is none."""
    runtime, library, variant = _sanitizer(), sanitized_library(), cpu.variant()
    own = {"MAMBATRACK_CPU": variant, "LD_PRELOAD": runtime, "PYTHONMALLOC": "malloc"}
    own["ASAN_OPTIONS"] = "detect_leaks=0:malloc_context_size=2"  # where an array was made
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        script = CHECK.format(
            tests=str(ROOT / "tests"), library=str(library), variant=variant, file=str(file)
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env=os.environ | own, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return _read(file)


def write_measured(variant, library, file):
    """What ``measured()`` gives, in this process, which no test module may be part of yet; under
    the sanitizer with the ends of mutants."""
    os.environ["MAMBATRACK_CPU"], cpu.LIBRARY = variant, library
    cpu._load.cache_clear()
    if cpu.why_not():
        file.write_text(json.dumps({"skip": cpu.why_not()}))
        return
    torch.set_num_threads(1)
    poison_memory()
    found = {}
    if "ASAN_OPTIONS" in os.environ:
        import fuzz_weights

        ended = fuzz_weights.run(30_000, 50)
        found["mutants"] = sorted({"failed" if kind == "failed" else end for kind, end in ended})
    found |= {name: import_module(name).measurements() for name in MODULES}
    assert cpu.variant() == variant
    file.write_text(json.dumps(found))


@cache
def sanitized_library():
    """The path of a library built with the address sanitizer, which lives as long as the process;
    skips where there is none."""
    _sanitizer()
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return build_sanitized(Path(folder.name), "address")


def build_sanitized(folder, which):
    """The library with one of gcc's sanitizers, for the instruction set in use; its path."""
    flags = {"avx512": ["-mavx512f", "-mfma"], "avx2": ["-mavx2", "-mfma"], "baseline": []}
    sources = sorted(str(each.relative_to(ROOT)) for each in ROOT.glob("kernels/cpu/*.c"))
    command = ["gcc", "-std=gnu11", "-O1", "-g1", "-fPIC", "-shared", "-ffp-contract=off",
               "-fno-math-errno", f"-fsanitize={which}", "-fno-sanitize-recover",
               "-fno-omit-frame-pointer", "-Wno-psabi", f"-DVARIANT={cpu.variant()}",
               *flags[cpu.variant()], *sources, "-lm", "-o",
               str(folder / "libmambatrack.so")]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    return folder / "libmambatrack.so"


def _read(file):
    found = json.loads(file.read_text())
    if "skip" in found:
        pytest.skip(found["skip"])
    return found


def _sanitizer():
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("needs gcc on Linux")
    asked = ["gcc", "-print-file-name=libasan.so"]
    path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(path):
        pytest.skip("gcc has no address sanitizer here")
    return path


def filled_with_nan(empty):
    """torch.empty, given as ``empty``, whose floats are NaN."""

    def made(*shape, **options):
        tensor = empty(*shape, **options)
        return tensor.fill_(float("nan")) if tensor.is_floating_point() else tensor

    return made


def poison_memory():
    """Whatever is not written before it is read is NaN: outputs and scratch memory."""
    numpy_empty = np.empty

    def numpy_nan(shape, dtype=float, **options):
        array = numpy_empty(shape, dtype, **options)
        array.fill(np.nan if array.dtype.kind == "f" else 1)
        return array

    torch.empty, np.empty = filled_with_nan(torch.empty), numpy_nan


def relative(got, want):
    """Maximal error over the maximal value; not finite where ``got`` is not."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-30))
