"""Where the feet of the tracks went in the last seconds: smooth, and fading with their tracks.

A foot is the middle of a box's lower edge, without its jitter. While a track is hidden its trail
follows the prediction; once it is found again, the way through the gap is bent to end there.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.transforms import CameraMotion, moved_points
from mambatrack.outputs.drawing.rules import Shown
from mambatrack.tracks import Tracks, TrackState, renamed_rows

Floats = NDArray[np.float64]

SMOOTH_S = 0.22  # how long the filter remembers
SURPRISE, PER_SECOND = 0.08, 2.0  # of a box's height: as much of a jump as the filter believes
JUMP = 1.0  # of a box's height: from here on the filter begins again
FADE_S = 0.5  # in which the trail of a track that is no longer drawn goes
FPS, MOST_POINTS = 60.0, 3600  # where no rate is known; of a trail


class Trails:
    """The trails of the tracks that are drawn, and of those that were until just now.

    ids:    [M] int64, ascending
    points: [M, L, 2] pixels, the newest last, NaN where there is none
    seen:   [M, L] whether the track was seen there
    ages:   [L] seconds since each point, of all trails
    opacity: [M] 0 to 1, of the whole trail
    """

    points: Floats
    seen: NDArray[np.bool_]
    opacity: Floats
    _places: Floats
    _speeds: Floats
    _counts: NDArray[np.int64]
    _gap: NDArray[np.int64]
    _undrawn: NDArray[np.int64]

    def __init__(self, seconds: float = 2.0, fps: float | None = None):
        self.seconds = seconds
        length = min(max(int(seconds * (fps or FPS)) + 2, 3), MOST_POINTS)
        self.ages = np.full(length, np.inf)
        self.ids = np.zeros(0, np.int64)
        self._resize(self.ids, self.ids, self.ids)

    def update(self, tracks: Tracks, shown: Shown) -> None:
        """Adds the feet of the next frame; the points before move with the camera, where its motion
        is known, and are forgotten at a cut."""
        self.ages[:-1] = self.ages[1:] + shown.step_s
        self.ages[-1] = 0.0
        if tracks.camera is not None:
            self._move(tracks.camera)
        self._fade(shown.step_s)
        rows = self._follow(tracks)
        self.points[:, :-1], self.points[:, -1] = self.points[:, 1:], np.nan
        self.seen[:, :-1], self.seen[:, -1] = self.seen[:, 1:], False
        if len(rows):
            self._add(rows, tracks, shown)

    def lines(self, row: int) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """Points [P, 2] of a trail, oldest first, whether each was seen, and its age."""
        fresh = np.isfinite(self.points[row, :, 0]) & (self.ages <= self.seconds)
        fresh[len(fresh) - self._undrawn[row] :] = False
        return self.points[row, fresh], self.seen[row, fresh], self.ages[fresh]

    def _add(self, rows: NDArray, tracks: Tracks, shown: Shown) -> None:
        boxes = np.where(np.isfinite(tracks.boxes), tracks.boxes, np.nan).astype(float)
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        heights = np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
        hidden = tracks.predicted
        for row in rows[~hidden & (self._gap[rows] > 0)].tolist():
            self._bend(row, feet[rows == row][0])
        self._gap[rows] = np.where(hidden, self._gap[rows] + 1, 0)
        self.points[rows, -1] = self._filtered(rows, feet, heights, hidden, shown.step_s)
        self.seen[rows, -1] = ~hidden
        opacity = np.where(tracks.state == TrackState.TENTATIVE, 0, shown.opacity)
        self.opacity[rows] = np.maximum(self.opacity[rows], opacity)
        self._undrawn[rows] = np.where(shown.drawn, 0, self._undrawn[rows] + 1)

    def _filtered(
        self, rows: NDArray, feet: Floats, heights: Floats, hidden: NDArray, step_s: float
    ) -> Floats:
        """[K, 2] the feet by a filter of place and speed whose memory grows and then fades
        (Brookner, "Tracking and Kalman Filtering Made Easy", 1998, sections 1.2.6 and 1.2.10)."""
        kept, count = np.exp(-step_s / SMOOTH_S), self._counts[rows]
        for_place = np.maximum(1 - kept**2, 2 * (2 * count + 1) / ((count + 1) * (count + 2)))
        for_speed = np.maximum((1 - kept) ** 2, 6 / ((count + 1) * (count + 2)))
        expected = self._places[rows] + step_s * self._speeds[rows]
        off = feet - expected
        far = np.linalg.norm(off, axis=1) / heights
        most = SURPRISE + PER_SECOND * step_s
        off *= np.minimum(1, most / np.maximum(far, 1e-9))[:, None]
        places = expected + for_place[:, None] * off
        speeds = self._speeds[rows] + for_speed[:, None] / step_s * off
        again = ~(far < JUMP) | hidden  # what is predicted has no jitter
        places[again] = feet[again]
        speeds[again & ~hidden] = 0.0
        self._counts[rows] = np.where(again & ~hidden, 1, count + 1)
        self._places[rows], self._speeds[rows] = places, speeds
        return places

    def _bend(self, row: int, foot: Floats) -> None:
        """Moves the points of the gap that ends now, the later the more, so that it ends here."""
        gap = min(int(self._gap[row]), self.points.shape[1] - 2)
        before = self.points[row, -gap - 2 : -1]
        expected = 2 * before[-1] - before[-2]
        share = np.arange(1, gap + 1)[:, None] / (gap + 1)
        self.points[row, -gap - 1 : -1] += share * (foot - expected)
        self._places[row] = foot

    def _fade(self, step_s: float) -> None:
        self.opacity = np.maximum(self.opacity - step_s / FADE_S, 0.0)
        self.opacity[self.opacity < 1e-6] = 0.0

    def _move(self, camera: CameraMotion) -> None:
        if camera.cut:
            self.points[:] = np.nan
        if not camera.stands:
            points, _ = moved_points(camera.transform, self.points.reshape(-1, 2))
            self.points = points.reshape(self.points.shape)
            self._places, turned = moved_points(camera.transform, self._places)
            self._speeds = np.einsum("nij,nj->ni", turned, self._speeds)

    def _follow(self, tracks: Tracks) -> NDArray[np.int64]:
        """Rows of the tracks; new ones get one, and those that are gone and faded lose theirs."""
        if again := tracks.known_again:
            ids, old = renamed_rows(self.ids, again)
            self._resize(ids, np.arange(len(ids)), old)
        if np.array_equal(tracks.ids, self.ids):
            return np.arange(len(self.ids))
        going = self.ids[(self.opacity > 0) & ~np.isin(self.ids, tracks.ids)]
        ids = np.union1d(tracks.ids, going)
        if not np.array_equal(ids, self.ids):
            _, new, old = np.intersect1d(ids, self.ids, return_indices=True)
            self._resize(ids, new, old)
        return np.searchsorted(self.ids, tracks.ids)

    def _resize(self, ids: NDArray[np.int64], new: NDArray, old: NDArray) -> None:
        """Rows for these ids: ``new`` of them are today's ``old``, the others are empty.

        _places, _speeds [M, 2], _counts [M]: of the filter
        _gap, _undrawn [M]: frames since seen, since drawn
        """
        count, length = len(ids), len(self.ages)
        fresh = {
            "points": np.full((count, length, 2), np.nan),
            "seen": np.zeros((count, length), bool),
            "opacity": np.zeros(count),
            "_places": np.full((count, 2), np.nan),
            "_speeds": np.zeros((count, 2)),
            "_counts": np.zeros(count, np.int64),
            "_gap": np.zeros(count, np.int64),
            "_undrawn": np.zeros(count, np.int64),
        }
        for name, column in fresh.items():
            if len(old):
                column[new] = getattr(self, name)[old]
            setattr(self, name, column)
        self.ids = ids
