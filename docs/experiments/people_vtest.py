"""What an embedder and a memory add on OpenCV's vtest.avi, by a truth of one id for each person.

python docs/experiments/people_vtest.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --detectors motion yolox_nano.onnx bytetrack_nano.onnx --embedder colour --seconds 60

The truth of PETS09-S2L1 gives who leaves and comes back a new id, so that it counts every return
that is known as a mistake. SAME says which of its 19 ids are one person, by their pictures: ten
people. Each row is scored by both truths.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
from appearance_vtest import boxes_of, configured, tracked

from mambatrack import open_sequence, score
from mambatrack.embedders.loading import open_embedder
from mambatrack.settings import MemoryConfig

SAME = {19: 1, 13: 2, 11: 3, 12: 4, 9: 5, 10: 6, 14: 8, 15: 8, 18: 8}


def of_people(truth, folder):
    """A copy of the sequence in ``folder``, in which each person has one id."""
    copy = folder / truth.name
    (copy / "gt").mkdir(parents=True)
    shutil.copyfile(truth / "seqinfo.ini", copy / "seqinfo.ini")
    rows = np.loadtxt(truth / "gt" / "gt.txt", delimiter=",")
    rows[:, 1] = [SAME.get(int(each), each) for each in rows[:, 1]]
    np.savetxt(copy / "gt" / "gt.txt", rows, fmt="%g", delimiter=",")
    return open_sequence(copy)


def figures(sequence, folder):
    of = score([sequence], folder).combined
    return f"{of.HOTA:.1f} | {of.AssA:.1f} | {of.IDF1:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--detectors", nargs="+", default=["motion"])
    parser.add_argument("--embedder", default="colour")
    parser.add_argument("--seconds", type=float, default=60, help="of the memory (60)")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    plans = ("off", 0.0), (options.embedder, 0.0), (options.embedder, options.seconds)
    print("detector | embedder | memory, s | HOTA | AssA | IDF1 | of people: HOTA | AssA | IDF1")
    with tempfile.TemporaryDirectory() as folder:
        truths = open_sequence(options.truth), of_people(options.truth, Path(folder) / "truth")
        for detector in options.detectors:
            config = configured(detector)
            kept = options.cache / f"{options.video.stem}-{Path(detector).stem}.npy"
            boxes = boxes_of(options.video, config, kept)
            for name, seconds in plans:
                embedder = None if name == "off" else open_embedder(name)
                memory = MemoryConfig(seconds=seconds) if seconds else None
                result = Path(folder) / f"{options.truth.name}.txt"
                tracked(options.video, boxes, config, embedder, result, memory)
                both = " | ".join(figures(each, result.parent) for each in truths)
                print(
                    f"{Path(detector).stem} | {Path(name).stem} | {seconds:g} | {both}", flush=True
                )


if __name__ == "__main__":
    main()
