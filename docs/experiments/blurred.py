"""Are blurred crops better left out? vtest.avi with a blur in every fourth burst of frames.

python docs/experiments/blurred.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --boxes vtest-bytetrack/PETS09-S2L1 --embedders colour 0287.xml --least 0 0.25 0.4 0.6

A crop's sharpness is the variance of its Laplacian at 32x64 pixels over the variance of its
brightness. One below --least of the median of the last 300 crops says nothing then. --pixels is how
far the picture is smeared, 1 not at all.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker, mot_writer, open_frames, open_sequence, score
from mambatrack.appearance.embedder import Embedder, Embeddings
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.embedders.crops import as_bgr, cut, parts_inside
from mambatrack.embedders.loading import open_embedder

SIZE = 32, 64  # width and height at which crops are compared
BURST, EVERY = 8, 4  # frames; of four bursts one is blurred
KNOWN, KEPT = 30, 300  # crops that make the median


def sharpness(image: NDArray, boxes: NDArray) -> NDArray[np.float64]:
    """boxes [K, 4] xyxy -> [K], 1 where nothing can be cut."""
    parts, usable = parts_inside(boxes, (image.shape[1], image.shape[0]))
    found = np.ones(len(boxes))
    greys = [
        cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
        for crop in cut(as_bgr(image), parts[usable], SIZE)
    ]
    found[usable] = [cv2.Laplacian(each, cv2.CV_32F).var() / (each.var() + 1) for each in greys]
    return found


class SharpOnly:
    """An embedder that says nothing of blurred crops."""

    def __init__(self, embedder: Embedder, least: float):
        self.embedder, self.least = embedder, least
        self.name, self.size = embedder.name, embedder.size
        self.prior = getattr(embedder, "prior", None)
        self.found: list[float] = []

    def __call__(self, image: NDArray, boxes: NDArray) -> Embeddings:
        vectors, usable = self.embedder(image, boxes)
        now, before = sharpness(image, boxes), self.found[-KEPT:]
        usual = np.median(before) if len(before) >= KNOWN else 0.0
        self.found += now.tolist()
        usable = usable & (now >= self.least * usual)
        return Embeddings(np.where(usable[:, None], vectors, 0).astype(np.float32), usable)


def smeared(pixels: int) -> Callable[[NDArray, int], NDArray]:
    kernel = np.zeros((pixels, pixels), np.float32)
    kernel[pixels // 2] = 1 / pixels

    def apply(image: NDArray, index: int) -> NDArray:
        return image if index // BURST % EVERY else cv2.filter2D(image, -1, kernel)

    return apply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", required=True)
    parser.add_argument("--boxes", required=True, help="a sequence with det/det.txt of the video")
    parser.add_argument("--embedders", nargs="+", default=["colour"])
    parser.add_argument("--pixels", nargs="+", type=int, default=[1, 11])
    parser.add_argument("--least", nargs="+", type=float, default=[0.0, 0.25, 0.4, 0.6])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found = sequence_detections(open_sequence(options.boxes))
    rows = np.column_stack([found.boxes, found.scores])
    truth = open_sequence(options.truth)
    frames = [rows[each] for each in rows_by_frame(found.frame, np.arange(1, truth.frames + 1))]
    print("embedder | pixels | least | HOTA | AssA | IDF1 | IDSW")
    for name in options.embedders:
        for pixels in options.pixels:
            for least in options.least:
                embedder = SharpOnly(open_embedder(name), least)
                of = scores(options.video, truth, frames, embedder, smeared(pixels))
                figures = f"{of.HOTA:.1f} | {of.AssA:.1f} | {of.IDF1:.1f} | {of.IDSW}"
                print(f"{Path(name).stem} | {pixels} | {least:g} | {figures}", flush=True)


def scores(video: Path, truth: Any, boxes: list[NDArray], embedder: Any, blur: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / f"{truth.name}.txt"
        with open_frames(video) as frames, mot_writer(result) as writer:
            tracker = Tracker(image_size=frames.size, embedder=embedder)
            for frame, given in zip(frames, boxes, strict=False):
                image = blur(frame.image, frame.index)
                writer.write(tracker.update(given, frame.time_s, image=image))
        return score([truth], folder).combined


if __name__ == "__main__":
    main()
