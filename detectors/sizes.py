"""How tall and wide a person is in each row of the picture, learnt from those who stand alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MIN_HEIGHT = 0.03  # of the picture's height, smallest blob and lowest expected person
RATIO = 0.4  # width / height of a person, before it is measured
RIDGE = 0.1  # people at the other end of the picture who were as tall as here
ENOUGH = 20  # people alone, after which their size is known
MEMORY = 0.999  # a frame, weight of the sizes seen before
ODD_WEIGHT = 0.1  # in learning, of a blob shorter than the expected person; tall ones count more
HALF = 0.5  # of the tallest blob, the shortest that is a person before sizes are known
REACH = 4.0  # standard deviations of the rows of feet: beyond, nobody stands
SHORT = 0.85  # of the expected height, a person who is not whole


class Sizes:
    """How tall a person is whose feet are in a given row: a straight line, learnt by weighted
    least squares; flat until people in different rows have been seen."""

    def __init__(self, height: int):
        self.height, self.count = height, 0.0
        self._tallest = 0.0
        self._normal = np.diag([1e-6, RIDGE])
        self._moment = np.zeros(2)
        self._widths: Array = ENOUGH / 10 * np.array([RATIO, 1])
        self._line: Array = np.zeros(2)

    @property
    def known(self) -> bool:
        return self.count >= ENOUGH

    def expected(self, bottom: Array) -> tuple[Array, Array]:
        """``bottom [N]``, row of the feet -> widths [N], heights [N]."""
        line = self._line[0] + self._line[1] * np.asarray(bottom) / self.height
        heights = np.maximum(line, MIN_HEIGHT) * self.height
        return heights * (self._widths[0] / self._widths[1]), heights

    def within(self, bottom: Array) -> NDArray[np.bool_]:
        """Whether people may stand in the rows ``bottom [N]``, by where they stood so far."""
        (weight, first), (_, second) = self._normal
        mean = first / weight
        deviation = np.sqrt(second / weight - mean**2)
        return np.abs(bottom / self.height - mean) <= REACH * deviation

    def tall(self, heights: Array) -> NDArray[np.bool_]:
        """Whether ``heights [N]`` may be those of whole people, for want of better knowledge."""
        return heights >= HALF * self._tallest

    def learn(self, boxes: Array) -> None:
        """``boxes [N, 4]`` of people alone, xyxy; once a frame."""
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        short = height < SHORT * SHORT * self.expected(boxes[:, 3])[1]
        self._tallest = max(MEMORY * self._tallest, height.max(initial=0))
        weight = np.where(short & self.known, ODD_WEIGHT, 1) * (height / max(self._tallest, 1)) ** 2
        rows = np.stack([np.ones(len(boxes)), boxes[:, 3] / self.height], axis=1)
        prior = np.diag([0, (1 - MEMORY) * RIDGE])
        self._normal = MEMORY * self._normal + prior + (rows.T * weight) @ rows
        self._moment = MEMORY * self._moment + rows.T @ (weight * height / self.height)
        self._widths = MEMORY * self._widths + [weight @ (width / height), weight.sum()]
        self._line = np.linalg.solve(self._normal, self._moment)
        self.count += weight.sum()
