"""Lines and zones in the picture: read from text, checked, and their distance to points."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, shown

Points = NDArray[np.float64]
NAME = re.compile(r"[^\s:;,][^:;,]*")
FARTHEST = 1e6  # pixels


@dataclass(frozen=True)
class Line:
    """A line from ``start`` to ``end``, (x, y) in pixels. Walking along it, who crosses from the
    left hand to the right hand goes ``in``, the other way ``out``."""

    name: str
    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def corners(self) -> Points:
        return np.array([self.start, self.end])

    def offsets(self, points: Points) -> NDArray[np.float64]:
        """[N] pixels to the right of the line through both ends, negative to the left."""
        start, end = self.corners
        along = (end - start) / np.linalg.norm(end - start)
        from_start = points - start
        return along[0] * from_start[:, 1] - along[1] * from_start[:, 0]

    def is_between(self, point: Points) -> bool:
        """Whether a point [2] that is on the line through both ends is between them."""
        start, end = self.corners
        share = (point - start) @ (end - start) / ((end - start) @ (end - start))
        return bool(0 <= share <= 1)


@dataclass(frozen=True)
class Zone:
    """A simple polygon, its corners (x, y) in pixels in either order."""

    name: str
    polygon: tuple[tuple[float, float], ...]

    @property
    def corners(self) -> Points:
        return np.array(self.polygon)

    def offsets(self, points: Points) -> NDArray[np.float64]:
        """[N] pixels to the nearest edge, negative outside; an edge belongs to the inside."""
        a, b = self.corners, np.roll(self.corners, -1, axis=0)
        edge, gone = b - a, points[:, None] - a
        share = np.clip((gone * edge).sum(-1) / (edge * edge).sum(-1), 0, 1)
        distance = np.linalg.norm(gone - share[..., None] * edge, axis=-1).min(axis=1)
        return np.where(self._contains(points), distance, -distance)

    def _contains(self, points: Points) -> NDArray[np.bool_]:
        """By the parity of edges to the right of each point."""
        a, b = self.corners, np.roll(self.corners, -1, axis=0)
        x, y = points[:, :1], points[:, 1:]
        spans = (a[:, 1] <= y) != (b[:, 1] <= y)
        rise = np.where(a[:, 1] == b[:, 1], 1, b[:, 1] - a[:, 1])
        right = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0]) >= x
        inside: NDArray[np.bool_] = (spans & right).sum(axis=1) % 2 == 1
        return inside


Place = Line | Zone


def parse_line(text: str) -> Line:
    """``name:x0,y0,x1,y1``. Raises MambatrackError with what was seen and expected."""
    name, points = _named(text, "line", "name:x0,y0,x1,y1")
    if len(points) != 2:
        raise _refused("line", text, "expected two points, as name:x0,y0,x1,y1")
    if points[0] == points[1]:
        raise _refused("line", text, "its two points are one; give it a length")
    return Line(name, points[0], points[1])


def parse_zone(text: str) -> Zone:
    """``name:x,y;x,y;x,y`` with three corners or more. Raises MambatrackError."""
    name, points = _named(text, "zone", "name:x,y;x,y;x,y")
    points = points[:-1] if len(points) > 3 and points[0] == points[-1] else points
    if len(points) < 3 or len(set(points)) < len(points):
        raise _refused("zone", text, "expected three corners or more, each another one")
    zone = Zone(name, tuple(points))
    if _crosses_itself(zone.corners):
        raise _refused("zone", text, "its edges cross; name the corners in their order around it")
    return zone


def parse_places(lines: Sequence[str], zones: Sequence[str]) -> list[Place]:
    """Lines, then zones; a text is one of them. Raises MambatrackError where two have one name."""
    lines = [lines] if isinstance(lines, str) else lines
    zones = [zones] if isinstance(zones, str) else zones
    places: list[Place] = [*map(parse_line, lines), *map(parse_zone, zones)]
    names = [place.name for place in places]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MambatrackError(f"two lines or zones are named {shown(twice[0])}; name each its own")
    return places


def outside(places: Sequence[Place], size: tuple[int, int]) -> list[Place]:
    """Those that lie beside, above or below a picture of (width, height) pixels as a whole."""
    return [
        place
        for place in places
        if (place.corners.max(axis=0) < 0).any() or (place.corners.min(axis=0) > size).any()
    ]


def _named(text: str, kind: str, form: str) -> tuple[str, list[tuple[float, float]]]:
    name, colon, rest = text.partition(":")
    if not colon or not NAME.fullmatch(name.strip()):
        raise _refused(kind, text, f"expected a name and points, as {form}")
    try:
        numbers = [float(each) for each in re.split("[,;]", rest.strip().strip(";"))]
    except ValueError:
        raise _refused(kind, text, f"expected numbers of pixels, as {form}") from None
    if len(numbers) % 2 or not all(abs(number) <= FARTHEST for number in numbers):
        raise _refused(kind, text, f"expected x and y of each point in pixels, as {form}")
    if all(0 <= number <= 1 for number in numbers) and any(number % 1 for number in numbers):
        raise _refused(
            kind, text, "these look like shares of the picture; multiply x by its width in pixels "
            "and y by its height",
        )  # fmt: skip
    return name.strip(), list(zip(numbers[::2], numbers[1::2], strict=True))


def _refused(kind: str, text: str, reason: str) -> MambatrackError:
    return MambatrackError(f"{kind} {shown(text)}: {reason}")


def _crosses_itself(corners: Points) -> bool:
    """Whether two edges meet that are not neighbours, or neighbours lie on each other."""
    count = len(corners)
    edges = [(corners[i], corners[(i + 1) % count]) for i in range(count)]
    for (i, one), (j, other) in combinations(enumerate(edges), 2):
        neighbours = j - i in (1, count - 1)
        if not neighbours and _meet(*one, *other):
            return True
        if neighbours and count > 3 and _folded(*(one + other if j - i == 1 else other + one)):
            return True
    return count == 3 and _turn(*corners) == 0


def _turn(a: Points, b: Points, c: Points) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _meet(a: Points, b: Points, c: Points, d: Points) -> bool:
    """Whether two edges have a point in common."""
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = zip(turns, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
    return any(turn == 0 and _within(*points) for turn, points in ends)


def _within(a: Points, b: Points, c: Points) -> bool:
    return bool((np.minimum(a, b) <= c).all() and (c <= np.maximum(a, b)).all())


def _folded(a: Points, b: Points, _: Points, c: Points) -> bool:
    """Whether the edge from b to c goes back along the one from a to b."""
    return _turn(a, b, c) == 0 and float((b - a) @ (c - b)) < 0
