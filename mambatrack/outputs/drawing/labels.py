"""Where labels go: beside their boxes, off each other, and off heads where there is room."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import intersection
from mambatrack.outputs.drawing.rules import HEAD, MOST

Corners = tuple[int, int]

# what it costs to cover a whole label's area
ON_LABEL, ON_HEAD, ON_BOX, ON_OWN = 8.0, 3.0, 1.5, 0.4
LIKED = np.array([0.0, 0.06, 0.16, 0.18, 0.22, 0.24, 0.3, 0.32, 0.4])  # of the places, in order
KEPT, SETTLED = 0.35, 0.1  # bonus of the place of the last frame; after WHILE frames there
WHILE = 50
ID_ALONE = 0.35  # what it costs to leave the rest of the text out


@dataclass(frozen=True)
class Label:
    """Text for the box in a row of the boxes; texts, widths: the full one, and the id alone."""

    row: int
    identity: int
    texts: tuple[str, str]
    widths: tuple[int, int]


class LabelLayout:
    """Places the labels of each frame; one stays on its side of the box where that is still good.

    >>> layout = LabelLayout()
    >>> for label, (corner, text) in zip(labels, layout.place(labels, boxes, 24, size)): ...
    """

    def __init__(self) -> None:
        self._sides: dict[int, tuple[int, int]] = {}  # by id, and for how many frames

    def place(
        self, labels: list[Label], boxes: NDArray, height: int, size: tuple[int, int],
        taken: NDArray,
    ) -> list[tuple[Corners, str]]:  # fmt: skip
        """Upper left corner of each of the first MOST labels, and the text that has room there.

        boxes: [M, 4] all that are drawn, whole pixels; size: (width, height) of the picture
        taken: [K, 4] what else must not be covered
        """
        sides, self._sides = self._sides, {}
        labels = labels[:MOST]
        if not labels:
            return []
        own = boxes[[label.row for label in labels]]
        widths = np.array([label.widths for label in labels])
        options = np.stack([places(own, w, height, size) for w in widths.T], axis=1)
        drawn = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
        costs = _costs(options, own, drawn if len(drawn) <= MOST else own)  # [L, 2, S]
        for number, label in enumerate(labels):
            side, frames = sides.get(label.identity, (0, WHILE))
            costs[number, :, side] -= KEPT if frames < WHILE else SETTLED
        blocked, done = taken.tolist(), []
        for label, own, cost in zip(labels, options, costs, strict=True):
            short, side = _best(own, cost, blocked)
            blocked.append(own[short, side].tolist())
            before, frames = sides.get(label.identity, (side, 0))
            self._sides[label.identity] = side, frames + 1 if side == before else 0
            done.append(((int(blocked[-1][0]), int(blocked[-1][1])), label.texts[short]))
        return done


def places(
    boxes: NDArray, widths: NDArray, height: int, size: tuple[int, int]
) -> NDArray[np.float64]:
    """[L, S, 4] where labels of these widths may go, best liked first: above the box at its left,
    right, middle; below it; in its lower end; beside its top; a line higher. All in the picture."""
    left, top, right, bottom = boxes.T.astype(float)
    middle = (left + right - widths) / 2
    x = np.stack([left, right - widths, middle, left, right - widths, middle, right, left - widths,
                  left], axis=1)  # fmt: skip
    above, below = top - height, bottom
    y = np.stack([above, above, above, below, below, bottom - height, top, top, above - height],
                 axis=1)  # fmt: skip
    x = np.clip(x, 0, np.maximum(size[0] - widths, 0)[:, None])
    y = np.clip(y, 0, max(size[1] - height, 0))
    return np.stack([x, y, x + widths[:, None], y + height], axis=2)


def _costs(options: NDArray, own: NDArray, boxes: NDArray) -> NDArray[np.float64]:
    """[L, 2, S] what each place costs beside the box of its own and the others, other labels
    aside."""
    flat, all_boxes = options.reshape(-1, 4), boxes.astype(float)
    heads = all_boxes.copy()
    heads[:, 3] = heads[:, 1] + HEAD * (heads[:, 3] - heads[:, 1])
    on_heads, on_boxes = intersection(flat, heads).sum(axis=1), intersection(flat, all_boxes)
    within = np.minimum(options[..., 2:], own[:, None, None, 2:]) - np.maximum(
        options[..., :2], own[:, None, None, :2]
    )
    on_own = np.maximum(within, 0).prod(axis=-1).ravel()
    cost = ON_HEAD * on_heads + ON_BOX * on_boxes.sum(axis=1) + (ON_OWN - ON_BOX) * on_own
    return (cost / _areas(flat)).reshape(options.shape[:3]) + LIKED + ((0.0,), (ID_ALONE,))


def _areas(flat: NDArray) -> NDArray[np.float64]:
    return np.maximum((flat[:, 2] - flat[:, 0]) * (flat[:, 3] - flat[:, 1]), 1.0)


def _best(options: NDArray, costs: NDArray, blocked: list[list[float]]) -> tuple[int, int]:
    """(1 for the id alone, else 0; the side) for one label: the cheapest that covers nothing that
    is blocked, or else covers little of it."""
    flat, cost = options.reshape(-1, 4), costs.ravel()
    order = cost.argsort(kind="stable").tolist()
    best = next((each for each in order if _is_free(flat[each].tolist(), blocked)), None)
    if best is None:
        over = intersection(flat, np.array(blocked)).sum(axis=1) / _areas(flat)
        best = int((cost + ON_LABEL * over).argmin())
    return divmod(best, costs.shape[1])


def _is_free(place: list[float], blocked: list[list[float]]) -> bool:
    left, top, right, bottom = place
    return not any(
        left < each[2] and each[0] < right and top < each[3] and each[1] < bottom
        for each in blocked
    )
