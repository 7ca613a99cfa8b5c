"""Labels of people by several detectors together, as mambatrack train-detector reads them.

python docs/experiments/pseudo_labels.py --source street.mp4 --every 8 --out labelled/street \
    --detectors yolox_nano.onnx/0.5 rtmdet_nano_person.onnx bytetrack_nano.onnx
python docs/experiments/pseudo_labels.py --source coco_people/images --truth coco_people/labels \
    --classes 0 --out labelled/coco

Each detector sees each picture as it is and mirrored; FILE/SHARE also in slices of this share of
the picture's longer side. Boxes that overlap are one person, whose score is the sum of the scores,
the best of each pass, over the number of passes, and divided by SURE. --truth: a folder of labels
whose boxes (of --classes) are certain; detections that overlap none of them are added with their
score. Written are images/ (JPEG, --side pixels at most) and labels/: a text for each picture with
rows "0 cx cy w h score", shares of the picture. --sheet writes some of them drawn.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mambatrack import open_frames
from mambatrack.boxes import iou
from mambatrack.detectors import open_detector

LOWEST = 0.1  # score of a detection that counts at all
TOGETHER = 0.55  # IoU from which two boxes are one person
SURE = 0.65  # mean score over the passes of a person who is certain


class Pass:
    """One detector on a picture and its mirror image; share: of slices, 0 for none."""

    def __init__(self, text):
        path, _, share = text.partition(".onnx/")
        self._weights = path if path.endswith(".onnx") else f"{path}.onnx"
        self._share, self._open = float(share or 0), {}

    def __call__(self, image):
        """[(boxes [N, 4], scores [N]) of each pass]"""
        found = []
        for side in sorted({0, round(self._share * max(image.shape[:2]))}):
            detector = self._detector(side)
            width = image.shape[1]
            plain, mirrored = detector(image), detector(np.ascontiguousarray(image[:, ::-1]))
            back = mirrored.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0)
            found += [(plain.boxes, plain.scores), (back, mirrored.scores)]
        return found

    def _detector(self, side):
        if side not in self._open:
            self._open[side] = open_detector(
                self._weights, classes=["person"], conf=LOWEST, nms_iou=0.6, slice=side
            )
        return self._open[side]


def together(passes):
    """The people [N, 5] that the passes find: box and score, the surest first."""
    if not passes:
        return np.zeros((0, 5))
    rows = [np.column_stack([*each, np.full(len(each[1]), at)]) for at, each in enumerate(passes)]
    left = np.concatenate(rows)
    left = left[np.argsort(-left[:, 4])]
    people = []
    while len(left):
        same = iou(left[:1, :4], left[:, :4])[0] >= TOGETHER
        same[0] = True
        group, left = left[same], left[~same]
        best = sum(group[group[:, 5] == at, 4].max() for at in np.unique(group[:, 5]))
        box = np.average(group[:, :4], axis=0, weights=group[:, 4])
        people.append([*box, min(1.0, best / len(passes) / SURE)])
    return np.array(people).reshape(-1, 5)


def with_truth(found, path, classes, size):
    """The true boxes of a text, with score 1, and those found elsewhere."""
    rows = np.loadtxt(path, ndmin=2) if path.is_file() and path.stat().st_size else []
    rows = np.array([each[1:5] for each in rows if int(each[0]) in classes]).reshape(-1, 4)
    corners = np.hstack([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2])
    true = np.column_stack([corners * np.tile(size, 2), np.ones(len(rows))])
    if len(true) and len(found):
        found = found[iou(found[:, :4], true[:, :4]).max(axis=1) < 0.4]
    return np.concatenate([true, found])


def pictures(options):
    """(name, picture) of each file of a folder, or of every so manieth frame, by parts."""
    if options.source.is_dir():
        for path in sorted(options.source.glob("*.jpg"))[options.start : options.stop]:
            yield path.stem, cv2.imread(str(path))
        return
    crops = [tuple(map(int, each.split(":"))) for each in options.crop] or [None]
    for number, crop in enumerate(crops):
        with open_frames(options.source, crop, stride=options.every) as frames:
            for frame in frames:
                yield f"{frame.index:06}-{number}", frame.image


def write(folder, name, picture, people, side):
    """The picture, at most ``side`` pixels long, and its labels."""
    height, width = picture.shape[:2]
    share = min(1.0, side / max(height, width))
    if share < 1:
        size = round(width * share), round(height * share)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "images" / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    low, high = people[:, :2].clip(0, (width, height)), people[:, 2:4].clip(0, (width, height))
    rows = np.hstack([(low + high) / 2, high - low]) / (width, height, width, height)
    lines = [f"0 {' '.join(f'{v:.5f}' for v in [*box, score])}\n"
             for box, score in zip(rows, people[:, 4], strict=True)]  # fmt: skip
    (folder / "labels" / f"{name}.txt").write_text("".join(lines))


def drawn(picture, people, size=(640, 480)):
    """Boxes in green, the paler the less sure."""
    picture, share = picture.copy(), max(picture.shape[:2]) / 640
    for *box, score in people:
        low, high = np.array(box[:2], int).tolist(), np.array(box[2:], int).tolist()
        colour = (0, int(255 * score), int(255 * (1 - score)))
        cv2.rectangle(picture, low, high, colour, max(1, round(1.5 * share)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="frames")
    parser.add_argument(
        "--crop", nargs="*", default=[], help="x0:y0:x1:y1, parts of a wide picture"
    )
    parser.add_argument("--truth", type=Path, help="labels that are certain")
    parser.add_argument("--classes", type=int, nargs="+", default=[0], help="of --truth")
    parser.add_argument("--start", type=int, default=0, help="of a folder, the first file")
    parser.add_argument("--stop", type=int, help="and the last, not included")
    parser.add_argument("--detectors", nargs="*", default=[])
    parser.add_argument("--kept", type=float, default=0.3, help="score from which one is written")
    parser.add_argument("--side", type=int, default=960)
    parser.add_argument("--sheet", type=Path, help="a picture of some of them")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for part in ("images", "labels"):
        (options.out / part).mkdir(parents=True, exist_ok=True)
    detectors, count, total, shown = [Pass(each) for each in options.detectors], 0, 0.0, []
    for name, picture in pictures(options):
        people = together([found for detector in detectors for found in detector(picture)])
        people = people[people[:, 4] >= options.kept]
        if options.truth:
            size = picture.shape[1::-1]
            people = with_truth(people, options.truth / f"{name}.txt", options.classes, size)
        write(options.out, name, picture, people, options.side)
        count, total = count + 1, total + people[:, 4].sum()
        if options.sheet and len(shown) < 12 and count % 4 == 1:
            shown.append(drawn(picture, people))
    if shown:
        shown += [np.zeros_like(shown[0])] * (-len(shown) % 3)
        rows = [np.hstack(shown[at : at + 3]) for at in range(0, len(shown), 3)]
        cv2.imwrite(str(options.sheet), np.vstack(rows))
    print(f"{count} pictures, {total:.0f} people, {options.out}")


if __name__ == "__main__":
    main()
