"""Tracks for FiftyOne."""

import json

import numpy as np
import pytest

from mambatrack.errors import MambatrackError


def test_fiftyone_finds_the_video_from_its_folder(export, video):
    folder = export("fiftyone", "deep/er", "--video", video)
    manifest = json.loads((folder / "manifest.json").read_text())
    [record] = manifest["index"]
    assert (folder / record["data"]).resolve() == video.resolve()
    frames = json.loads((folder / record["labels"]).read_text())["frames"]
    assert list(frames) == ["1", "2", "4", "5"]
    first, second = frames["2"]["objects"]["objects"]
    assert first["bounding_box"]["top_left"] == {"x": 0.06, "y": 0.1}
    assert [each["index"] for each in (first, second)] == [1, 2]
    said = {each["name"]: each["value"] for each in second["attrs"]["attrs"]}
    assert said == {"state": "predicted", "occluded": True, "gap": 1}
    with pytest.raises(MambatrackError, match="holds a data set"):
        export("fiftyone", "deep/er", "--video", video)
    export("fiftyone", "deep/er", "--video", video, "--overwrite")


def test_fiftyone_s_own_importer_takes_it(export, video):
    importers = pytest.importorskip("fiftyone.utils.data.importers")
    folder = export("fiftyone", "out", "--video", video)
    importer = importers.FiftyOneVideoLabelsDatasetImporter(str(folder))
    with importer:
        [(path, _, _, frames)] = list(importer)
    assert path == str(video)
    [found] = [each.detections for each in frames[2].values()]
    assert [each.label for each in found] == ["person", "car"]
    assert [each.index for each in found] == [1, 2]
    np.testing.assert_allclose(found[0].bounding_box, [0.06, 0.1, 0.1, 0.4])
    assert (found[1].occluded, found[1].state, found[1].gap) == (True, "predicted", 1)
