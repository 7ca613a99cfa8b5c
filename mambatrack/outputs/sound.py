"""The sound of a source, cut to the pictures of a video that is written.

It is copied where MP4 and players take it as it is, and encoded as AAC where they do not.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from typing import Any

from mambatrack.sources.reasons import pyav_errors
from mambatrack.sources.sound import Sound

COPIED = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")
LEAD_S = 0.1  # in front of the first picture: decoders start on it, and the edit list hides it
GAP_S = 0.1
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def add_sound(video: Any, sound: Sound, lasts_s: float, stack: ExitStack) -> Iterator[Any]:
    """Adds a track to an MP4 before its first packet is written -> the packets of the track, in
    the time of the pictures; none where there is no sound in that time.

    video: the PyAV container;  lasts_s: of the pictures;  stack: closes the source of the sound
    """
    import av

    file = stack.enter_context(av.open(sound.path, metadata_errors="replace"))
    track = file.streams[sound.track]
    packets = _between(file.demux(track), sound.begins_s - LEAD_S, sound.begins_s + lasts_s)
    first = next(packets, None)
    if first is None:
        return iter(())
    packets = chain([first], packets)
    if track.codec_context.codec.canonical_name in COPIED:
        target = video.add_stream_from_template(track, opaque=True)
    else:
        target = _add_aac(video, track)
        packets = _encoded(packets, track, target)
    return _cut(packets, target, sound.begins_s, lasts_s)


def _between(packets: Iterator[Any], begin_s: float, end_s: float) -> Iterator[Any]:
    """The packets of these seconds; a file that is damaged further on ends there."""
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError):
            return
        except pyav_errors():
            return
        if packet.pts is None:
            continue
        time_s = packet.pts * packet.time_base
        if time_s >= end_s:
            return
        if time_s >= begin_s:
            yield packet


def _add_aac(video: Any, track: Any) -> Any:
    """A track of AAC with the channels and, as nearly as AAC has it, the rate of ``track``."""
    source = track.codec_context
    rate = min(AAC_RATES, key=lambda each: abs(each - source.sample_rate))
    layout = source.layout.name if source.channels > 2 else ("mono", "stereo")[source.channels - 1]
    return video.add_stream("aac", rate=rate, layout=layout)


def _encoded(packets: Iterator[Any], track: Any, target: Any) -> Iterator[Any]:
    """The same sound in the code of ``target``."""
    import av

    context = target.codec_context
    resampler = av.AudioResampler("fltp", context.layout, context.sample_rate)
    for frame in chain(_counted(_decoded(packets, track)), [None]):
        for part in resampler.resample(frame):
            yield from target.encode(part)
    yield from target.encode(None)


def _decoded(packets: Iterator[Any], track: Any) -> Iterator[Any]:
    """The frames of the packets; those of damaged ones are left out."""
    for packet in chain(packets, [None]):
        try:
            yield from track.codec_context.decode(packet)
        except pyav_errors():
            continue


def _counted(frames: Iterator[Any]) -> Iterator[Any]:
    """The frames with times counted in samples, as containers round them or leave them out; a gap
    of more than GAP_S stays one."""
    due = None
    for frame in frames:
        rate = frame.sample_rate
        stated = due if frame.pts is None else round(frame.pts * frame.time_base * rate)
        if due is None or stated is None or abs(stated - due) > GAP_S * rate:
            due = stated or 0
        frame.pts, frame.time_base = due, Fraction(1, rate)
        due += frame.samples
        yield frame


def _cut(packets: Iterator[Any], target: Any, begins_s: float, lasts_s: float) -> Iterator[Any]:
    """The packets in the time of the pictures, in growing order, the last one ended with them."""
    newest = None
    for packet in packets:
        begin = round(begins_s / packet.time_base)
        left = round(lasts_s / packet.time_base) - (packet.pts - begin)
        if left <= 0 or (newest is not None and packet.pts <= newest):
            continue
        newest = packet.pts
        packet.pts = packet.dts = packet.pts - begin
        packet.duration = min(packet.duration, left)
        packet.stream = target
        yield packet
