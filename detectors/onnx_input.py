"""The inputs of a network that takes pictures, and the arrays that are put into them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors.onnx_file import OnnxHeader, Shape
from mambatrack.errors import MambatrackError, counted

MOST_PIXELS = 1 << 26  # of a picture, 0.8 GB in float32
IMAGE_TYPES = ("float32", "float16", "uint8")
PADDLE_SIZES = {"im_shape", "scale_factor"}


@dataclass(frozen=True)
class NetworkInput:
    """name, type: of the image;  shape: [N, 3, H, W] with None where it is open, whichever order
    the file has;  channels_last: whether that is [N, H, W, 3];  single: whether it is [3, H, W],
    as torchvision has it;  sizes: names and types of further
    inputs [N, 2] that tell about the size of the picture, as RT-DETR, D-FINE and PaddleDetection
    have them"""

    name: str
    type: str
    shape: Shape
    channels_last: bool = False
    sizes: tuple[tuple[str, str], ...] = ()
    single: bool = False

    @property
    def batch(self) -> int | None:
        return self.shape[0]

    def feeds(self, blob: NDArray[np.float32]) -> dict[str, NDArray]:
        """``blob [N, 3, H, W]`` -> array for each input; the picture is said to be as large as the
        blob, so that boxes come in pixels of the blob."""
        image = np.ascontiguousarray(blob.transpose(0, 2, 3, 1)) if self.channels_last else blob
        image = image[0] if self.single else image
        arrays = {self.name: image.astype(self.type, copy=False)}
        for name, kind in self.sizes:
            of_paddle = {"im_shape": blob.shape[2:], "scale_factor": (1, 1)}
            told = of_paddle.get(name, blob.shape[:1:-1])  # others take width and height
            arrays[name] = np.full((len(blob), 2), told, kind)
        return arrays


def network_input(header: OnnxHeader, weights: str | Path) -> NetworkInput:
    """Raises MambatrackError where the file takes anything but pictures of three channels, or a
    fixed number of them other than one, or pictures of more than MOST_PIXELS."""
    found = [
        (name, shape, kind) for (name, shape), kind in zip(header.inputs, header.types, strict=True)
    ]
    images = [each for each in found if _is_image(each[1])]
    others = [each for each in found if not _is_image(each[1])]
    sizes = [(name, kind) for name, shape, kind in others if len(shape) == 2 and shape[1] == 2]
    known = len(others) < 2 or {name for name, _, _ in others} == PADDLE_SIZES
    if len(images) != 1 or not known or len(sizes) != len(others):
        raise _refused(header, weights)
    name, shape, kind = images[0]
    single = len(shape) == 3
    shape = (1, *shape) if single else shape
    if kind not in IMAGE_TYPES:
        raise _refused(header, weights)
    if shape[0] not in (None, 1):
        raise MambatrackError(
            f"{weights}: its input {name} {shown_shape(shape)} takes "
            f"{counted(shape[0], 'picture')} at a time; expected 1, or an open "
            "number: export it again with batch 1"
        )
    last = shape[1] != 3
    sides = [size or 1 for size in (shape[1:3] if last else shape[2:])]
    if sides[0] * sides[1] > MOST_PIXELS:
        raise MambatrackError(
            f"{weights}: its input {name} {shown_shape(shape)} has more than {MOST_PIXELS} pixels; "
            "export it again for a smaller picture"
        )
    ordered = (shape[0], 3, shape[1], shape[2]) if last else shape
    return NetworkInput(name, kind, ordered, last, tuple(sizes), single)


def shown_shape(shape: Shape) -> str:
    """[1, 3, ?, ?] with a question mark for what is open."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def shown_arrays(arrays: tuple[tuple[str, Shape], ...]) -> str:
    """Names and shapes, for a message."""
    return ", ".join(f"{name} {shown_shape(shape)}" for name, shape in arrays) or "none"


def _is_image(shape: Shape) -> bool:
    return (len(shape) == 4 and 3 in (shape[1], shape[3])) or (len(shape) == 3 and shape[0] == 3)


def _refused(header: OnnxHeader, weights: str | Path) -> MambatrackError:
    others = sorted({kind or "another type" for kind in header.types} - {"float32"})
    kinds = f" ({', '.join(others)})" if others else ""
    return MambatrackError(
        f"{weights}: its inputs are {shown_arrays(header.inputs)}{kinds}; expected one image "
        f"[1, 3, H, W], [1, H, W, 3] or [3, H, W] of type {', '.join(IMAGE_TYPES)}, and at most "
        "a size [1, 2] or im_shape and scale_factor beside it"
    )
