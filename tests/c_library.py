"""The C library in processes of their own: each instruction set, and under the sanitizer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mambatrack.kernels.cpu import library as cpu

ROOT = Path(__file__).parents[1]
CHECK = """
import json, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from mambatrack.kernels.cpu import library as cpu
cpu.LIBRARY = Path({library!r})
if cpu.why_not():
    print(json.dumps({{"skip": cpu.why_not()}}))
    sys.exit()
import test_kernels_cpu_library
test_kernels_cpu_library.torch.set_num_threads(1)
test_kernels_cpu_library.poison_memory()
import {module}
print(json.dumps({{"variant": cpu.variant(), **{module}.measurements()}}))
"""

needs_library = pytest.mark.skipif(not cpu.available(), reason=cpu.why_not())


def measured(module, library, **environment):
    """What ``measurements()`` of a test module gives with this library, and the variant that ran;
    skips where it cannot run here."""
    script = CHECK.format(tests=str(ROOT / "tests"), library=str(library), module=module)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout)
    if "skip" in result:
        pytest.skip(result["skip"])
    return result


def measured_under_sanitizer(module, folder):
    """The same with the library built in ``folder`` with gcc's address sanitizer, which ends the
    process at the first access out of bounds; skips where there is none."""
    runtime, library, variant = _sanitizer(), folder / "libmambatrack.so", cpu.variant()
    flags = {"avx512": ["-mavx512f", "-mfma"], "avx2": ["-mavx2", "-mfma"], "baseline": []}
    command = ["gcc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-fsanitize=address",
               "-fno-omit-frame-pointer", "-Wno-psabi", f"-DVARIANT={variant}",
               *flags[variant], "kernels/cpu/detect.c", "kernels/cpu/variant.c",
               "-o", str(library)]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)
    options = {"ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    return measured(module, library, LD_PRELOAD=runtime, MAMBATRACK_CPU=variant, **options)


def _sanitizer():
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("needs gcc on Linux")
    asked = ["gcc", "-print-file-name=libasan.so"]
    path = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not os.path.isabs(path):
        pytest.skip("gcc has no address sanitizer here")
    return path
