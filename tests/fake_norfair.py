"""A stand-in for the package norfair, in interpreters that a test starts."""

import textwrap

SOURCE = """
    class Detection:
        def __init__(self, points, scores):
            self.points, self.scores = points, scores

    class Tracked:
        def __init__(self, number, detection):
            self.id, self.last_detection = number, detection

    class Tracker:
        def __init__(self, distance_function, distance_threshold):
            self.tracks = []

        def update(self, detections):
            {fault}
            for number, found in enumerate(detections):
                self.tracks[number:number + 1] = [Tracked(number, found)]
            return self.tracks
"""


def install_fake_norfair(folder, monkeypatch, fault="pass"):
    """Installs a norfair that takes the n-th box of every frame for the n-th track."""
    (folder / "fake").mkdir()
    (folder / "fake/norfair.py").write_text(textwrap.dedent(SOURCE.format(fault=fault)))
    monkeypatch.setenv("PYTHONPATH", str(folder / "fake"))
