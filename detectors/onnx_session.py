"""Runs an ONNX file with OpenCV, which is always there, or with onnxruntime, which is faster."""

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors.onnx_file import OnnxHeader, read_header
from mambatrack.detectors.onnx_input import NetworkInput, network_input
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.sources.opencv import quiet

Blob = NDArray[np.float32]
TENSORRT = "_TRT"  # the end of the names of its operators
SHOWN = 300  # characters of either end of a message
PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : |^> ?|> ?$", re.MULTILINE)


class Session(Protocol):
    """header, input: of the file;  backend: "opencv" or "onnxruntime" """

    header: OnnxHeader
    input: NetworkInput
    backend: str

    def __call__(self, blob: Blob) -> list[NDArray]:
        """``blob [N, 3, H, W]`` float32 -> the outputs, in the order of header.outputs, float32
        where they are float16."""


def open_session(weights: str | Path, backend: str = "auto", threads: int = 0) -> Session:
    """The network in ``weights``; "auto" takes onnxruntime where it is installed. threads: of
    onnxruntime, 0 as many as allowed_threads() says; OpenCV's are those of cv2.setNumThreads.

    Raises MambatrackError where the file is absent, no ONNX model, made for TensorRT, or takes
    anything but one picture (see network_input); MissingExtra where onnxruntime is asked for and
    absent.
    """
    header = read_header(weights)
    plugins = sorted(name for name in header.operators if name.endswith(TENSORRT))
    if plugins:
        raise MambatrackError(
            f"{weights}: {', '.join(plugins)} runs in TensorRT alone; export the model again for "
            "ONNX Runtime, or without its suppression"
        )
    image = network_input(header, weights)
    if backend == "onnxruntime" or (backend == "auto" and _has_onnxruntime()):
        return OrtSession(weights, header, image, threads)
    return OpenCVSession(weights, header, image)


class OpenCVSession:
    backend = "opencv"

    def __init__(self, weights: str | Path, header: OnnxHeader, image: NetworkInput):
        import cv2

        self.header, self.input = header, image
        self._weights = weights
        self._names = [name for name, _ in header.outputs]
        try:
            with quiet():
                self._net = cv2.dnn.readNetFromONNX(str(weights))
        except cv2.error as error:
            raise self._refused(error) from None

    def __call__(self, blob: Blob) -> list[NDArray]:
        import cv2

        try:
            with quiet():
                for name, array in self.input.feeds(blob).items():
                    self._net.setInput(array, name)
                outputs = self._net.forward(self._names)
        except cv2.error as error:
            raise self._refused(error) from None
        if any(each is None for each in outputs):
            raise MambatrackError(f"{self._weights} gave nothing for a picture; is it cut off?")
        return _usable(outputs, self._weights)

    def _refused(self, error: Exception) -> MambatrackError:
        reason = reason_of(getattr(error, "err", "") or error)
        return MambatrackError(
            f"OpenCV cannot run {self._weights} ({reason}); onnxruntime may: "
            "pip install 'mambatrack[onnx]', then --detector.backend onnxruntime"
        )


class OrtSession:
    backend = "onnxruntime"

    def __init__(
        self, weights: str | Path, header: OnnxHeader, image: NetworkInput, threads: int = 0
    ):
        if not _has_onnxruntime():
            raise MissingExtra("onnxruntime", "onnx", "the backend onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or allowed_threads()
        # else each waits in a loop that takes a whole core from the tracker and the other sources
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        here = onnxruntime.get_available_providers()
        wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        self.header, self.input = header, image
        self._weights = weights
        self._names = [name for name, _ in header.outputs]
        try:
            self._session = onnxruntime.InferenceSession(
                str(weights), options, providers=[name for name in wanted if name in here]
            )
        except Exception as error:  # onnxruntime's own exceptions have no common public base
            raise self._refused(error) from None

    def __call__(self, blob: Blob) -> list[NDArray]:
        try:
            outputs = self._session.run(self._names, self.input.feeds(blob))
        except Exception as error:
            raise self._refused(error) from None
        return _usable(outputs, self._weights)

    def _refused(self, error: Exception) -> MambatrackError:
        return MambatrackError(f"onnxruntime cannot run {self._weights}: {reason_of(error)}")


def allowed_threads() -> int:
    """Of a network that another library runs: as OMP_NUM_THREADS says, 0, as many as there are
    cores, where that says nothing."""
    most = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(most) if most.isdecimal() else 0


def reason_of(error: object) -> str:
    """What OpenCV or onnxruntime says, on one line; of a long text its two ends, as either may hold
    what matters."""
    text = " ".join(PREFIX.sub("", str(error)).split())
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]} ... {text[-SHOWN:]}"


def _usable(outputs: Sequence[NDArray], weights: str | Path) -> list[NDArray]:
    """In float32 where they are float16. Warns of NaN, as of networks in float16 that overflow."""
    if any(each.size and np.isnan(each.max()) for each in outputs):
        warnings.warn(
            f"{weights} gives numbers that are none (NaN), so that boxes are missing; export it "
            "again in float32",
            stacklevel=3,
        )
    return [each.astype(np.float32) if each.dtype == np.float16 else each for each in outputs]


def _has_onnxruntime() -> bool:
    import importlib.util

    return importlib.util.find_spec("onnxruntime") is not None
