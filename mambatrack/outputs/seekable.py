"""A finished MP4 rearranged: its index in front, its pictures from time 0, and sound beside them.

The packets are copied; nothing is encoded again but sound that MP4 does not hold.
"""

import heapq
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

from mambatrack.outputs.sound import add_sound
from mambatrack.sources.reasons import pyav_errors, reason_of
from mambatrack.sources.sound import Sound

_SEEKABLE = {"movflags": "faststart"}


def make_seekable(path: Path, shown_s: Fraction, sound: Sound | None, lasts_s: float) -> None:
    """Puts an MP4 that has its index in front and starts at time 0 in the file's place.

    shown_s: how long a picture is that does not say it
    sound:   what goes with the pictures, None for none;  lasts_s: of all pictures
    A sound that cannot be read is left out with a warning; where there is no room or no frame, the
    file stays as it is.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        if not (sound and _with_sound(path, draft, shown_s, sound, lasts_s)):
            _rearrange(path, draft, shown_s)
        os.replace(draft, path)
    except (OSError, ValueError, IndexError):
        pass  # the fragments play as they are
    finally:
        draft.unlink(missing_ok=True)


def _with_sound(path: Path, draft: Path, shown_s: Fraction, sound: Sound, lasts_s: float) -> bool:
    """Whether that worked; warns where it did not."""
    try:
        _rearrange(path, draft, shown_s, sound, lasts_s)
    except pyav_errors() as error:
        warnings.warn(f"{path.name} has no sound: {reason_of(error)}", stacklevel=2)
        return False
    return True


def _rearrange(
    path: Path, draft: Path, shown_s: Fraction, sound: Sound | None = None, lasts_s: float = 0.0
) -> None:
    import av

    with (
        ExitStack() as stack,
        av.open(str(path)) as old,
        av.open(str(draft), "w", format="mp4", options=_SEEKABLE) as new,
    ):
        source = old.streams.video[0]
        target = new.add_stream_from_template(source)
        shown = round(shown_s / (source.time_base or 1))
        pictures = _from_zero(old.demux(source), target, source.start_time or 0, shown)
        sounds = add_sound(new, sound, lasts_s, stack) if sound else iter(())
        for packet in heapq.merge(pictures, sounds, key=_when):
            new.mux(packet)


def _when(packet: Any) -> Fraction:
    when: Fraction = packet.dts * packet.time_base
    return when


def _from_zero(packets: Iterable[Any], target: Any, start: int, shown: int) -> Iterator[Any]:
    """The packets, their times counted from ``start``; the last one lasts to the end of what is
    shown, as a file lasts to the end of what is decoded, where pictures come in another order."""
    begin, end, last = 0, 0, None
    for packet in packets:
        if packet.dts is None or packet.pts is None:
            continue
        if last is not None:
            yield last
        packet.pts, packet.dts, last = packet.pts - start, packet.dts - start, packet
        packet.stream = target
        begin = min(begin, packet.dts)
        packet.duration = packet.duration or shown
        end = max(end, packet.pts + packet.duration)
    if last is not None:
        last.duration = max(end - (last.dts - begin), 1)
        yield last
