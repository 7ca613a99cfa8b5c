"""Vectors of an embedder for the crops of a sequence, computed once and kept.

They are kept by the pixels of the crops, so that other settings of the tracker, which look at other
boxes, find those that are the same. An entry's name is a hash of the pictures, the embedder's file
and its settings.
"""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Embedder
from mambatrack.datasets.sequences import Sequence
from mambatrack.detectors.download import cache_folder
from mambatrack.embedders.crop_embedder import CropEmbedder, Look
from mambatrack.embedders.loading import configured_embedder
from mambatrack.embedders.own import SHIPPED
from mambatrack.files import read_arrays, replacing, sha256
from mambatrack.runs.detection_cache import pictures_key
from mambatrack.settings import AppearanceConfig

KEY = 16  # bytes of a crop's hash


class KeptLook:
    """A Look that remembers what it gave. new: whether anything was computed"""

    def __init__(self, look: Look):
        self._look, self.new = look, False
        self.vectors: dict[bytes, NDArray] = {}

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray:
        keys = [hashlib.blake2b(crop, digest_size=KEY).digest() for crop in crops]
        unknown = [at for at, key in enumerate(keys) if key not in self.vectors]
        if unknown:
            found = np.asarray(self._look(crops[unknown]))
            if found.ndim != 2 or len(found) != len(unknown):
                return found  # the embedder says what is wrong
            self.new = True
            self.vectors |= zip([keys[at] for at in unknown], found, strict=True)
        return np.stack([self.vectors[key] for key in keys])


@contextmanager
def kept_embedder(
    sequence: Sequence, config: AppearanceConfig, folder: Path | None = None
) -> Iterator[Embedder | None]:
    """That of the settings, None where it is off; what is new is kept at the end. Colours are
    computed as fast as they are read.

    folder: of the cache, default embeddings/ in the cache for downloads
    """
    embedder = configured_embedder(config)
    if not isinstance(embedder, CropEmbedder) or config.embedder == "colour":
        yield embedder
        return
    look = KeptLook(embedder.look)
    embedder.look = look
    path = (folder or cache_folder() / "embeddings") / f"{_key(sequence, config)}.npz"
    look.vectors = _read(path, embedder.size)
    yield embedder
    if look.new:
        _write(path, look.vectors)


def _key(sequence: Sequence, config: AppearanceConfig) -> str:
    assert sequence.images is not None
    file = SHIPPED if config.embedder == "own" else Path(config.embedder)
    weights = sha256(file) if file.is_file() else ""
    said = repr((pictures_key(sequence.images), weights, sorted(asdict(config).items())))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _read(path: Path, size: int) -> dict[bytes, NDArray]:
    try:
        entry = read_arrays(path)
        keys, vectors = entry["keys"].reshape(-1, KEY), entry["vectors"].reshape(-1, size)
        return dict(zip(map(bytes, keys.astype(np.uint8)), vectors, strict=True))
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError):
        warnings.warn(f"{path} is damaged; the embedder runs again", stacklevel=3)
        return {}


def _write(path: Path, vectors: dict[bytes, NDArray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(vectors), np.uint8).reshape(-1, KEY)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, keys=keys, vectors=np.stack(list(vectors.values())))
