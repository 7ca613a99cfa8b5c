"""Views of crops, each with the code that a teacher gives to that very view.

A teacher that sees what its pupil sees has no noise in what it says: of one crop, plain and
disturbed, its codes are as far apart as .4 (1 less the cosine along their main axes). Source: Beyer
et al., Knowledge distillation: a good teacher is patient and consistent, CVPR 2022.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Embedder
from mambatrack.files import read_arrays, replacing
from mambatrack.learning.checkpoints import Recipe, check_recipe, undamaged
from mambatrack.learning.embedder_data import Crops, Pictures, Rows
from mambatrack.learning.embedder_pictures import disturbed, plain
from mambatrack.learning.loop import Report, Reporter

TOGETHER = 8  # views that the teacher sees side by side in one picture


class Views(NamedTuple):
    """pictures [V, H, W, 3] uint8; crop [V], which one each shows; codes [V, E] float32, of the
    teacher, of length 1."""

    pictures: Pictures
    crop: Rows
    codes: NDArray[np.float32]

    def select(self, rows: NDArray) -> "Views":
        """Some of them."""
        return Views(*(each[rows] for each in self))


class ViewMaker(NamedTuple):
    """Makes views of [rows, columns] ``size``.

    recipe: what the views depend on, the seed among it
    folder: gets them as NAME-0.npz, NAME-1.npz, ...; those that are there are read
    """

    teacher: Embedder
    size: tuple[int, int]
    seed: int
    recipe: Recipe
    folder: Path
    report: Reporter

    def __call__(self, name: str, crops: Crops, rounds: int) -> Views:
        """``rounds`` views of each crop: the first as the crop is, the others as other cameras and
        detectors might have seen it. Raises MambatrackError where a file that is there is damaged
        or was made with another recipe."""
        found = [self._round(name, crops, number, rounds) for number in range(rounds)]
        pictures, codes = (np.concatenate(each) for each in zip(*found, strict=True))
        return Views(pictures, np.tile(np.arange(len(crops.track)), rounds), codes)

    def _round(
        self, name: str, crops: Crops, number: int, rounds: int
    ) -> tuple[Pictures, NDArray[np.float32]]:
        path = self.folder / f"{name}-{number}.npz"
        if path.exists():
            with undamaged(path):
                stored = read_arrays(path)
                pictures, codes = stored["pictures"], stored["codes"]
                made_with = {**json.loads(str(stored["settings"]))}
            check_recipe(path, made_with, self.recipe)
            return pictures, codes
        rng = np.random.default_rng((self.seed, number))
        pictures = plain(crops.pictures, self.size)
        if number:
            pictures = disturbed(crops.pictures, self.size, rng)
        before, total = number * len(pictures), rounds * len(pictures)
        parts = []
        for first in range(0, len(pictures), TOGETHER):
            parts.append(self._codes(pictures[first : first + TOGETHER]))
            done = before + first + len(parts[-1])
            self.report(Report(name, "views", done, total))
        codes = np.concatenate(parts)
        with replacing(path) as temporary, temporary.open("wb") as file:
            settings = np.array(json.dumps(self.recipe.values))
            np.savez(file, pictures=pictures, codes=codes, settings=settings)
        return pictures, codes

    def _codes(self, pictures: Pictures) -> NDArray[np.float32]:
        """[N, E], what the teacher says of each, side by side in one picture."""
        rows, columns = self.size
        left, none = columns * np.arange(len(pictures), dtype=float), np.zeros(len(pictures))
        boxes = np.column_stack([left, none, left + columns, none + rows])
        return self.teacher(np.hstack(list(pictures)), boxes).vectors
