"""Networks in files as embedders: ONNX through the sessions of the detectors, OpenVINO's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors.images import Normalisation
from mambatrack.detectors.onnx_session import open_session
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.embedders.openvino_session import OpenVinoSession

CROP = 128, 256  # width and height where the file leaves them open
NORMALISATIONS = {
    "imagenet": Normalisation(True, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "half": Normalisation(True, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "rgb": Normalisation(True, (0, 0, 0), (1, 1, 1)),
    "bgr": Normalisation(False, (0, 0, 0), (1, 1, 1)),
}


def open_onnx(path: Path, normalisation: str) -> CropEmbedder:
    """The network in an ONNX file; normalisation "auto" is ImageNet's. Raises MambatrackError where
    it is none that takes pictures and gives vectors."""
    session = open_session(path)
    chosen = NORMALISATIONS["imagenet" if normalisation == "auto" else normalisation]
    height, width = session.input.shape[2:]
    look = _looking(lambda blob: session(blob)[0], session.input.batch is None, chosen)
    return CropEmbedder(path.stem, look, (width or CROP[0], height or CROP[1]))


def open_openvino(path: Path, normalisation: str) -> CropEmbedder:
    """The network in an OpenVINO IR file; normalisation "auto" is plain BGR. Raises MambatrackError
    likewise, MissingExtra where openvino is not installed."""
    session = OpenVinoSession(path)
    chosen = NORMALISATIONS["bgr" if normalisation == "auto" else normalisation]
    return CropEmbedder(path.stem, _looking(session, session.together, chosen), session.size)


def as_blob(crops: NDArray[np.uint8], normalisation: Normalisation) -> NDArray[np.float32]:
    """crops [K, H, W, 3] BGR -> [K, 3, H, W] float32, normalised."""
    ordered = crops[..., ::-1] if normalisation.rgb else crops
    blob = np.ascontiguousarray(ordered.transpose(0, 3, 1, 2), dtype=np.float32)
    blob -= np.array(normalisation.mean, np.float32)[:, None, None]
    blob /= np.array(normalisation.std, np.float32)[:, None, None]
    return blob


def _looking(
    network: Callable[[NDArray[np.float32]], NDArray], together: bool, normalisation: Normalisation
) -> Callable[[NDArray[np.uint8]], NDArray]:
    """crops -> vectors [K, E]; together: whether the network takes several crops at once."""

    def look(crops: NDArray[np.uint8]) -> NDArray:
        blob = as_blob(crops, normalisation)
        if together:
            return _flat(network(blob))
        return np.concatenate([_flat(network(blob[at : at + 1])) for at in range(len(blob))])

    return look


def _flat(given: NDArray) -> NDArray:
    """[K, E] of [K, E, 1, 1]; anything else as it is."""
    return given.reshape(given.shape[:2]) if set(given.shape[2:]) == {1} else given
