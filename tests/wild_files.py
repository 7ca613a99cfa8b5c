"""Files of other tools: ground truth and results of two people who walk, and their score."""

import pytest

from mambatrack.datasets.sequences import find_sequences
from mambatrack.evaluation import score

SEQINFO = "[Sequence]\nseqLength=12\nimWidth=640\nimHeight=480\nframeRate=25\n"
KEYS = [(frame, person) for frame in range(1, 11) for person in (1, 2)]


def rows(tail="1,1,1", keys=KEYS, separator=",", first=0):
    """Two people who walk, with what follows the box; first: is added to the ids' places."""
    lines = []
    for frame, person in keys:
        box = f"{40 * person + 3 * frame + first},{30 * person},20.5,50"
        lines.append(f"{frame},{person},{box}{',' if tail else ''}{tail}".replace(",", separator))
    return "\n".join(lines) + "\n"


def car(tail, person=9):
    """A third object, far from the people."""
    return rows(tail, [(frame, person) for frame in range(1, 11)], first=150)


RIGHT = rows("0.9,-1,-1,-1")


def write(folder, truth, labels=None, seqinfo=SEQINFO):
    (folder / "gt").mkdir(parents=True)
    data = truth if isinstance(truth, bytes) else truth.encode()
    (folder / "gt/gt.txt").write_bytes(data)
    if labels is not None:
        (folder / "gt/labels.txt").write_text(labels)
    if seqinfo is not None:
        (folder / "seqinfo.ini").write_text(seqinfo)
    return folder


def scored(tmp_path, truth, result=RIGHT, labels=None, classes=(), name="a", seqinfo=SEQINFO):
    write(tmp_path / "data" / name, truth, labels, seqinfo)
    (tmp_path / "results").mkdir()
    data = result if isinstance(result, bytes) else result.encode()
    (tmp_path / "results" / f"{name}.txt").write_bytes(data)
    return score(find_sequences(tmp_path / "data"), tmp_path / "results", classes=classes)


def assert_perfect(scores):
    assert pytest.approx(100) == scores.combined.HOTA
    assert (scores.combined.CLR_TP, scores.combined.CLR_FP, scores.combined.IDSW) == (20, 0, 0)


DISTRACTORS = rows() + car("0,7,1")
CARS = car("1,1,1")
PERSONS = rows("1,2,1")
LABELS = "car\nperson\n"
LABELLED = PERSONS + CARS
IMPERFECT = "".join(
    line + "\n" for number, line in enumerate(RIGHT.splitlines()) if number not in (3, 8, 9)
).replace("7,1,", "7,5,")
