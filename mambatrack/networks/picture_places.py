"""Places of a picture in the order in which scans read them, for torch and numpy alike."""

from functools import cache

import numpy as np
from numpy.typing import NDArray


@cache
def s_shaped(rows: int, columns: int) -> NDArray[np.int64]:
    """Row by row, every second one backwards, so that neighbours in the order touch: the places
    [rows * columns] of the flattened picture. It is its own inverse."""
    places = np.arange(rows * columns).reshape(rows, columns)
    places[1::2] = places[1::2, ::-1]
    return np.ascontiguousarray(places.reshape(-1))


@cache
def cells(rows: int, columns: int) -> NDArray[np.float32]:
    """Row by row, x and y of each place: [rows * columns, 2]."""
    at = np.indices((rows, columns))[::-1].reshape(2, -1).T
    return np.ascontiguousarray(at, dtype=np.float32)
