"""Runs an OpenVINO IR file, an .xml with a .bin beside it, with the package openvino."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors.onnx_session import allowed_threads, reason_of
from mambatrack.errors import MambatrackError, MissingExtra


class OpenVinoSession:
    """size: (width, height) of the pictures;  together: whether it takes several at once

    Raises MissingExtra where openvino is not installed, MambatrackError where the file takes
    anything but one picture of three channels.
    """

    def __init__(self, path: Path):
        core, model = _read(path)
        shape = _picture_shape(model, path)
        self.size, self._path = (shape[3], shape[2]), path
        self._compiled, self.together = _compiled(core, model, shape, path)

    def __call__(self, blob: NDArray[np.float32]) -> NDArray:
        """blob [K, 3, H, W] -> the first output, [K, E]."""
        try:
            return np.asarray(self._compiled(blob)[0])
        except RuntimeError as error:
            raise _refused(self._path, error) from None


def _read(path: Path) -> tuple[Any, Any]:
    try:
        import openvino
    except ImportError:
        raise MissingExtra("openvino", "openvino", f"the embedder {path}") from None
    if not path.with_suffix(".bin").is_file():
        raise MambatrackError(f"the weights of {path} lie in a .bin, which is not beside it")
    core = openvino.Core()
    try:
        return core, core.read_model(str(path))
    except RuntimeError as error:
        raise _refused(path, error) from None


def _picture_shape(model: Any, path: Path) -> list[int]:
    """[1, 3, H, W]"""
    shapes = [each.get_partial_shape() for each in model.inputs]
    found = ", ".join(map(str, shapes))
    if len(shapes) != 1 or shapes[0].rank.is_dynamic or len(shapes[0]) != 4:
        raise MambatrackError(f"{path} takes {found}; expected one picture [1, 3, H, W]")
    sides = [each.get_length() if each.is_static else 0 for each in shapes[0]]
    if sides[1] != 3 or 0 in sides[2:]:
        raise MambatrackError(f"{path} takes {found}; expected one picture [1, 3, H, W]")
    return sides


def _compiled(core: Any, model: Any, shape: list[int], path: Path) -> tuple[Any, bool]:
    """The network, and whether it takes several pictures: where it can, it is made to."""
    threads = {"INFERENCE_NUM_THREADS": allowed_threads()}
    try:
        model.reshape([-1, *shape[1:]])
        return core.compile_model(model, "CPU", threads), True
    except RuntimeError:
        try:
            return core.compile_model(core.read_model(str(path)), "CPU", threads), False
        except RuntimeError as error:
            raise _refused(path, error) from None


def _refused(path: Path, error: Exception) -> MambatrackError:
    return MambatrackError(f"openvino cannot run {path}: {reason_of(error)}")
