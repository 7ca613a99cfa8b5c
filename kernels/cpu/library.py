"""The C library, opened with ctypes: it depends on nothing, and needs neither torch nor numpy.

Built by setup.py where there is a compiler: for x86-64 three times (avx512, avx2, baseline), else
once (baseline). The fastest that the processor runs is taken, or the one that the environment
variable MAMBATRACK_CPU names. Its scan for torch is in functions.py, whole networks are in
network.py and pairs.py.
"""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

LIBRARY = Path(__file__).with_name("libmambatrack.so")
VARIANTS = ("avx512", "avx2", "baseline")
INTERFACE = 41  # interface_version() of detect.c: a library built earlier may be in place
MAX_STATES = 256
MISFIT = -2  # of memory.h
MIXED = -3  # of votes.h


class Library:
    """The functions of one variant: lanes, selective_scan, scratch_floats, window_network, ..."""

    def __init__(self, library: ctypes.CDLL, variant: str):
        self.variant = variant
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        signatures: dict[str, tuple[Any, list[Any]]] = {
            "lanes": (word, []),
            "selective_scan": (None, [pointer, word]),
            "depthwise": (None, [pointer]),
            "patches": (None, [pointer]),
            "scratch_floats": (word, [pointer, word]),
            "window_network": (word, [pointer, pointer, word, word, word, *[pointer] * 3]),
            "step_network": (
                word,
                [pointer, pointer, word, word, pointer, pointer, word, pointer, word, pointer],
            ),
            "pair_scratch": (word, [pointer, word, word, word]),
            "pair_network": (
                word,
                [pointer, pointer, *[word] * 4, *[pointer] * 4, word, *[pointer] * 3],
            ),
            "score_floats": (word, [pointer, word, word, word]),
            "remember_floats": (word, [pointer, word]),
            "committee_scores": (
                word,
                [
                    pointer,
                    pointer,
                    *[word] * 4,
                    *[pointer] * 4,
                    word,
                    *[pointer] * 4,
                ],
            ),
            "committee_remember": (
                word,
                [pointer, pointer, word, pointer, word, word, pointer, pointer, word, pointer],
            ),
            "gate": (word, [pointer, pointer, word, pointer]),
            "describe": (None, [pointer] * 4),
            "score": (word, [*[pointer] * 2, word, *[pointer] * 4, word]),
            "answer": (None, [pointer] * 4),
            "compare": (word, [*[pointer] * 4, word, word]),
            "predict": (word, [*[pointer] * 3, word, word, *[pointer] * 6]),
            "spread_boxes": (None, [pointer, word, *[pointer] * 3]),
            "predict_tables": (word, [*[pointer] * 3, word, pointer, word, word, *[pointer] * 2]),
            "spread_tables": (None, [pointer, pointer, word, word, pointer]),
            "predict_windows": (word, [*[pointer] * 3, word, pointer, word, word, *[pointer] * 2]),
            "predict_filters": (None, [pointer, pointer, word]),
            "ask_logs": (word, [pointer, word, pointer, pointer, word, pointer, pointer]),
            "correct": (None, [pointer, word, *[pointer] * 4]),
            "observe": (word, [pointer, pointer, word, pointer, word, word]),
            "snapshot": (None, [pointer, word, word, pointer]),
            "any_over": (word, [pointer, word, word, word]),
            "gather": (word, [pointer, word, pointer, word, *[pointer] * 2]),
            "settle": (word, [*[pointer] * 3, word, word, pointer, word, *[pointer] * 2]),
            "admit_usual": (word, [pointer, pointer, word, *[pointer] * 8]),
            "list_moved": (word, [pointer, word, word, pointer]),
            "go_on": (word, [*[pointer] * 6, word, word, *[pointer] * 5]),
            "settle_usual": (
                word,
                [*[pointer] * 4, word, *[pointer] * 3, word, *[pointer] * 2, word, *[pointer] * 3],
            ),
            "exchanges_due": (word, [pointer, pointer, word, *[pointer] * 2]),
            "want_looks": (word, [*[pointer] * 5, word, *[pointer] * 2]),
            "weigh_looks": (None, [*[pointer] * 5, word, *[pointer] * 2]),
            "remember_looks": (None, [*[pointer] * 5, word, *[pointer] * 4]),
            "histograms": (None, [pointer, word, *[pointer] * 3]),
            "overlap_frame": (word, [pointer, word, word]),
            "admit": (word, [pointer, word, word, word, *[pointer] * 3]),
            "neighbours": (None, [pointer, word, *[pointer] * 4]),
            "best_other": (word, [word, pointer, pointer, word, pointer, pointer, pointer]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(library, f"{name}_{variant}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def available() -> bool:
    """Whether the library is there and holds a variant that this processor runs."""
    return not why_not()


def wanted() -> bool:
    """Whether it is there, and MAMBATRACK_BACKEND asks for nothing else."""
    return (os.environ.get("MAMBATRACK_BACKEND", "") or "auto") in ("auto", "cpu") and available()


def why_not() -> str:
    """The reason why the library cannot be used; empty where it can."""
    return _load()[1]


def variant() -> str:
    """The instruction set in use: avx512, avx2 or baseline. RuntimeError where not available()."""
    return library().variant


def library() -> Library:
    """The loaded library; RuntimeError with the reason where there is none."""
    loaded, reason = _load()
    if loaded is None:
        raise RuntimeError(f"the C library of mambatrack.kernels cannot be used: {reason}")
    return loaded


@cache
def _load() -> tuple[Library | None, str]:
    """The library or None, and then why."""
    if not LIBRARY.is_file():
        return None, "it was not built; install the package where gcc or clang is found"
    try:
        opened = ctypes.CDLL(str(LIBRARY))
        if opened.interface_version() != INTERFACE:
            return None, "it was built from other sources; install the package again"
        built = [name for name in VARIANTS if hasattr(opened, f"lanes_{name}")]
        runs = {"avx512": opened.runs_avx512(), "avx2": opened.runs_avx2(), "baseline": 1}
    except (OSError, AttributeError) as error:
        return None, f"it was built from other sources, or for another system: {error}"
    usable = [name for name in built if runs[name]]
    asked = os.environ.get("MAMBATRACK_CPU", "") or usable[0]
    if asked not in usable:
        return None, f"MAMBATRACK_CPU={asked}, but this processor runs {', '.join(usable)}"
    return Library(opened, asked), ""
