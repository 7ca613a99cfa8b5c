"""People as plain rectangles in a picture: two walk towards each other, stand together and part."""

import numpy as np

SIZE = 640, 360
RED, BLUE = (0, 0, 200), (200, 0, 0)


def meeting(back=True, colours=(RED, BLUE), seed=0, walk=40, still=8):
    """Frames (picture, boxes [N, 4] xyxy of those who are seen, who they are [N]); while the two
    stand together only the second one is seen. back: whether each turns back then."""
    rng = np.random.default_rng(seed)
    ends = (150, 470) if back else (470, 150)
    left, right = (
        np.concatenate(
            [np.linspace(begin, near, walk), np.full(still, near), np.linspace(near, end, walk)]
        )
        for begin, near, end in zip((150, 470), (300, 306), ends, strict=True)
    )
    for a, b in zip(left, right, strict=True):
        boxes = np.array([[a - 20, 120, a + 20, 240], [b - 20, 124, b + 20, 244]])
        picture = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
        for (x0, y0, x1, y1), colour in zip(boxes.astype(int), colours, strict=True):
            picture[y0:y1, x0:x1] = colour
        seen = np.array([0, 1] if abs(a - b) > 12 else [1])
        yield picture, (boxes + rng.normal(0, 1, boxes.shape))[seen], seen


def ids_of(tracks, seen):
    """{person: id} of those who are seen, from the detections in their order."""
    rows = tracks.det_ind.tolist()
    return {int(who): int(tracks.ids[rows.index(at)]) for at, who in enumerate(seen) if at in rows}
