"""What whole tracks looked like, and how that is written: a code, the mean of a track's embeddings.

In text a code is base64 of its numbers as float16, little-endian, so that any language reads it:

>>> numpy.frombuffer(base64.b64decode(text), "<f2")
"""

import base64
import binascii
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration, calibration_fields
from mambatrack.appearance.embedder import Floats

LONGEST_CODE = 2**16  # numbers
PLACES = 5  # decimals of similarities


class Codes(NamedTuple):
    """Of live tracks: ids [K] as put out, vectors [K, E] of length 1, looks [K] that each is of"""

    ids: NDArray[np.int64]
    vectors: Floats
    looks: NDArray[np.int64]


@dataclass(frozen=True)
class TrackCode:
    """What one track of a result looked like until it ended.

    frame: in which it was alive last;  embedder: its name;  looks: embeddings that it is the mean
    of;  vector [E]: of length 1;  calibration: what similarities were worth in this stream
    """

    id: int
    frame: int
    embedder: str
    looks: int
    vector: Floats
    calibration: Calibration


def as_text(vector: Floats) -> str:
    """vector [E]."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode("ascii")


def vector_of(text: str) -> Floats:
    """[E], of length 1. Raises ValueError for a text that is no code."""
    try:
        vector = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError, TypeError):
        raise ValueError("its code is no base64 of float16") from None
    length = float(np.linalg.norm(vector))
    if not 0 < len(vector) <= LONGEST_CODE or not 0.9 < length < 1.1:
        raise ValueError("its code is no vector of length 1")
    return vector / length


def rows_of(calibration: Calibration) -> list[list[float]]:
    """Count, mean and variance of the similarities of one track, and of two, as JSON has them."""
    return Calibration(*calibration.blended()).columns().round(PLACES).tolist()


def calibration_of(rows: object) -> Calibration:
    """That of which these are the rows_of(). Raises ValueError for what is none."""
    columns = np.asarray(rows, np.float64)
    if columns.shape != (2, 3) or not np.isfinite(columns).all():
        raise ValueError("its similarities are no two of count, mean and variance")
    for fault in filter(None, (field.fault() for field in calibration_fields(columns))):
        raise ValueError(fault)
    return Calibration.of(columns)
