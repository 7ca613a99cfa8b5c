"""Where a network runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mambatrack.errors import MambatrackError
from mambatrack.kernels.cpu import library

DEVICES = ("auto", "cpu", "cuda")
VARIABLE = "MAMBATRACK_BACKEND"


def c_library_for(device: str) -> bool:
    """Whether networks run in the C library: where it is there, and neither ``device`` nor
    MAMBATRACK_BACKEND asks for anything else. MambatrackError for a device that is none."""
    if device not in DEVICES:
        raise MambatrackError(
            f"device {device!r} asked for; expected {', '.join(DEVICES)}; which GPU cuda is, the "
            "environment variable CUDA_VISIBLE_DEVICES says"
        )
    return device != "cuda" and library.wanted()


def choose_device(device: str) -> str:
    """auto -> cuda where torch sees a GPU, else cpu."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise MambatrackError("device cuda asked for, but torch sees no GPU; use --device cpu")
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_backend(device: str, training: bool = False) -> None:
    """MambatrackError where MAMBATRACK_BACKEND names nothing that runs the networks there."""
    import torch

    from mambatrack.kernels import choose_backend

    try:
        with torch.set_grad_enabled(training):
            choose_backend("auto", torch.empty(0, device=device, requires_grad=training))
    except ValueError as error:
        raise MambatrackError(f"{error}; unset {VARIABLE}, or name another") from error


@contextmanager
def reference_backend() -> Iterator[None]:
    """Networks in torch are computed by the reference, whatever MAMBATRACK_BACKEND names."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "reference"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@contextmanager
def one_thread() -> Iterator[None]:
    """So small a network gains nothing from more threads, and waits for them on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
