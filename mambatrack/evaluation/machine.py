"""The machine that figures were measured on, in words."""

import contextlib
import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores, system and Python, without the machine's name."""
    cores = os.cpu_count()
    system = platform.system()
    with contextlib.suppress(OSError, KeyError):
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{_processor()}, {cores} cores, {system}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def load() -> float | None:
    """Processes that wanted to run, mean of the last minute; None where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None
