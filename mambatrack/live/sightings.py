"""When each track of a source was seen last, in the seconds of that source."""

from mambatrack.tracks import Tracks


class Sightings:
    """Remembers the tracks of the newest frame and nothing else."""

    def __init__(self) -> None:
        self._seen_s: dict[int, float] = {}

    def update(self, tracks: Tracks) -> tuple[float | None, ...]:
        """-> for each of the tracks, the seconds since it was seen, 0 where it is seen now; None
        where it was not seen since this began, or the frame has no time."""
        if tracks.time_s is None:
            return (None,) * len(tracks)
        for was, identity in tracks.known_again.items():
            if was in self._seen_s:
                self._seen_s[identity] = self._seen_s.pop(was)
        rows = zip(tracks.ids.tolist(), tracks.gap.tolist(), strict=True)
        last = {
            identity: self._seen_s.get(identity) if gap else tracks.time_s for identity, gap in rows
        }
        self._seen_s = {identity: at for identity, at in last.items() if at is not None}
        return tuple(None if at is None else tracks.time_s - at for at in last.values())
