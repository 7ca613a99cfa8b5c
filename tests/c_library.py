"""The C library in processes of their own: each instruction set, and under the sanitizer."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from mambatrack.kernels.cpu import library as cpu

ROOT = Path(__file__).parents[1]
VARIANTS = cpu.VARIANTS
NAMES = (
    "functions", "network", "pairs", "neighbours", "problems", "motion", "settling",
    "window_motion", "filter_motion", "overlap_frame", "usual_frames", "looking",
)  # fmt: skip
MODULES = [f"test_kernels_cpu_{name}" for name in NAMES]  # have measurements() and as_expected()
CHECK = """
import json, sys
sys.path.insert(0, {tests!r})
from importlib import import_module
from pathlib import Path
from mambatrack.kernels.cpu import library as cpu
cpu.LIBRARY = Path({library!r})
if cpu.why_not():
    print(json.dumps({{"skip": cpu.why_not()}}))
    sys.exit()
import c_library, torch
torch.set_num_threads(1)
c_library.poison_memory()
found = {{name: import_module(name).measurements() for name in c_library.MODULES}}
assert cpu.variant() == {variant!r}
print(json.dumps(found))
"""

needs_library = pytest.mark.skipif(not cpu.available(), reason=cpu.why_not())


@cache
def measured(variant):
    """What ``measurements()`` of each module gives with this instruction set; skips where it cannot
    run here."""
    return _measured(cpu.LIBRARY, variant)


@cache
def measured_under_sanitizer():
    """The same with a library built with gcc's address sanitizer, which ends the process at the
    first access out of bounds; skips where there is none."""
    runtime = _sanitizer()
    options = {"ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    return _measured(sanitized_library(), cpu.variant(), LD_PRELOAD=runtime, **options)


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
    command = ["gcc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-ffp-contract=off",
               "-fno-math-errno", f"-fsanitize={which}", "-fno-sanitize-recover",
               "-fno-omit-frame-pointer", "-Wno-psabi", f"-DVARIANT={cpu.variant()}",
               *flags[cpu.variant()], *sources, "-lm", "-o",
               str(folder / "libmambatrack.so")]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    return folder / "libmambatrack.so"


def _measured(library, variant, **environment):
    script = CHECK.format(tests=str(ROOT / "tests"), library=str(library), variant=variant)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"MAMBATRACK_CPU": variant} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout)
    if "skip" in result:
        pytest.skip(result["skip"])
    return result


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

    def numpy_nan(shape, dtype=float):
        array = numpy_empty(shape, dtype)
        array.fill(np.nan if array.dtype.kind == "f" else 1)
        return array

    torch.empty, np.empty = filled_with_nan(torch.empty), numpy_nan


def relative(got, want):
    """Maximal error over the maximal value; not finite where ``got`` is not."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-30))
