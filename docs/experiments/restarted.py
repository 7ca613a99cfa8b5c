r"""A camera that is killed and started again while it is tracked: which identities are kept.

    PYTHONPATH=tests python docs/experiments/restarted.py VIDEO [--fps 10] [--times 20] \
      [--every 2.8] [--pause 0.2]

The video is sent as motion JPEG over loopback, in real time, and tracked with the motion detector;
what is shown during a pause is missed. Run it with --times 0 for the same without restarts.
"""

import argparse
import threading
import time

import cv2
import numpy as np

from mambatrack.config import TrackerConfig
from mambatrack.detectors.motion import MotionDetector
from mambatrack.live.session import LiveSession
from mambatrack.live.source import LiveSource
from mambatrack.tracking.group import TrackerGroup
from mjpeg_server import MjpegServer


class Identities:
    """Who was seen right before each loss and who right after it."""

    def __init__(self):
        self.all, self.now, self.lost, self.latencies = set(), set(), False, []
        self.counts = []  # of each loss: seen before, of them seen after

    def update(self, update):
        tracks, before = update.tracks, self.now
        self.now = set(tracks.ids[tracks.observed].tolist())
        self.all |= self.now
        self.latencies.append(update.status.latency_ms)
        if self.lost:
            self.counts.append((len(before), len(before & self.now)))
            self.lost = False

    def status(self, source, status):
        self.lost |= status.state == "lost"

    def close(self):
        pass


def jpegs(video):
    capture, pictures = cv2.VideoCapture(video), []
    while (read := capture.read())[0]:
        pictures.append(cv2.imencode(".jpg", read[1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("--fps", type=float, default=10.0)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--every", type=float, default=2.8, metavar="S", help="between two kills")
    parser.add_argument("--pause", type=float, default=0.2, metavar="S", help="until it is back")
    options = parser.parse_args()
    pictures, began = jpegs(options.video), time.monotonic()

    def on_air(_):
        return pictures[int((time.monotonic() - began) * options.fps) % len(pictures)]

    with MjpegServer(on_air, options.fps) as camera:
        threading.Thread(target=restart, args=(camera, options), daemon=True).start()
        track(camera, began + len(pictures) / options.fps)


def restart(camera, options):
    for _ in range(options.times):
        time.sleep(options.every)
        camera.kill()
        time.sleep(options.pause)
        camera.start()


def track(camera, end):
    seen, group = Identities(), TrackerGroup(TrackerConfig(frame_rate=25))
    sources = [LiveSource(camera.address)]
    with LiveSession(sources, [MotionDetector()], group, [seen]) as session:
        session.run(lambda: time.monotonic() < end)
        status = session.status(0)
    before, kept = np.sum(seen.counts, axis=0) if seen.counts else (0, 0)
    print(f"{status.frames} frames tracked, {status.dropped} dropped, lost and back "
          f"{status.reconnects} times, {len(seen.all)} identities")  # fmt: skip
    print(f"of {before} people seen before a loss {kept} were seen with their id right after it")
    print(f"latency: median {np.median(seen.latencies):.0f} ms")


if __name__ == "__main__":
    main()
