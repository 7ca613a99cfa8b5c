"""Tracks a video with a detector of your choice and writes an annotated one: `mambatrack track`
in a few lines of Python, as a start for programs of your own.

python demo/track_video.py demo-output/clip.mp4 tracked.mp4
python demo/track_video.py demo-output/clip.mp4 tracked.mp4 --detector yolox --weights model.onnx
"""

import argparse
from collections.abc import Iterator

from mambatrack import (
    Config,
    Frame,
    FrameSource,
    Painter,
    Tracker,
    Tracks,
    load_config,
    open_detector,
    open_frames,
    open_video_writer,
)


def track(frames: FrameSource, config: Config) -> Iterator[tuple[Frame, Tracks]]:
    """Each frame with its live tracks."""
    detect = open_detector(config.detector)
    tracker = Tracker(config, image_size=frames.size)
    for frame in frames:
        yield frame, tracker.update(detect(frame.image, frame.index), frame.time_s)


def main(source: str, output: str, config: Config) -> int:
    """Writes the annotated video -> the number of tracks that were confirmed."""
    seen = set[int]()
    with open_frames(source) as frames:
        painter = Painter(config.drawing, fps=frames.fps)
        with open_video_writer(output, frames.fps, frames.size, True, frames.sound) as video:
            for frame, tracks in track(frames, config):
                seen.update(tracks.ids[tracks.observed].tolist())
                video.write(painter.draw(frame.image, tracks), frame.time_s)
    print(f"{len(seen)} tracks in {output}")
    return len(seen)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="video, folder of images, webcam index or address")
    parser.add_argument("output", help="MP4 file to write")
    parser.add_argument("--detector", default="motion", help="motion, yolox, rtmdet or file")
    parser.add_argument("--weights", default="", help="ONNX file or det.txt, as the detector needs")
    options = parser.parse_args()
    overrides = {"detector.name": options.detector, "detector.weights": options.weights}
    main(options.source, options.output, load_config(overrides=overrides))
