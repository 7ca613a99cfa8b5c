"""--camera: from files and pictures through track, eval and the command camera."""

import json

import numpy as np
import pytest

from mambatrack import MambatrackError, load_config
from mambatrack.camera.files import read_transforms
from mambatrack.cli.program import main
from mambatrack.datasets.sequences import find_sequences
from mambatrack.runs.cameras import open_camera
from mambatrack.runs.dataset_jobs import plan
from mambatrack.simulation.moving_camera import camera_views, picture_of
from mambatrack.simulation.world import make_world, write_sequence

SIZE = (320, 180)


@pytest.fixture
def dataset(tmp_path):
    for name in ("a", "b"):
        write_sequence(tmp_path / "data" / name, seed=3, people=4, frames=20, size=SIZE)
    return tmp_path / "data"


@pytest.fixture
def transforms(tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    for name in ("a", "b"):
        lines = [f"{frame} 1 0 0 0 1 0\n" for frame in range(20)]
        (folder / f"{name}.txt").write_text("".join(lines))
    return folder


@pytest.fixture
def video(tmp_path):
    """A folder of pictures of a panning camera."""
    import cv2

    world = make_world(seed=5, people=3, frames=12, size=(480, 270))
    folder = tmp_path / "shots"
    folder.mkdir()
    for frame, view in enumerate(camera_views("pan", 12, (480, 270), SIZE, seed=1)):
        picture = picture_of(world.render(frame), view, SIZE)
        cv2.imwrite(str(folder / f"{frame:03d}.png"), picture)
    return folder


def test_a_data_set_is_tracked_with_a_folder_of_transforms(dataset, transforms, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["track", "--dataset", str(dataset), "--out", str(out),
                 "--camera", str(transforms)]) == 0  # fmt: skip
    assert "the camera moved 0.0 pixels a frame" in capsys.readouterr().out
    assert main(["track", "--dataset", str(dataset), "--out", str(tmp_path / "still"),
                 "--quiet"]) == 0  # fmt: skip
    for name in ("a.txt", "b.txt"):
        assert (out / name).read_bytes() == (tmp_path / "still" / name).read_bytes()


def test_transforms_that_do_not_fit_the_data_set_are_refused(dataset, transforms, tmp_path):
    def planned(camera, out="out"):
        config = load_config(overrides={"tracker.camera": str(camera)})
        return plan(find_sequences(dataset), config, tmp_path / out)

    assert len(planned(transforms)) == 2
    with pytest.raises(MambatrackError, match="is one file for 2 sequences"):
        planned(transforms / "a.txt")
    with pytest.raises(MambatrackError, match="holds the transforms"):
        planned(transforms, "camera")
    with pytest.raises(MambatrackError, match="has no pictures"):
        planned("pictures")
    (transforms / "b.txt").unlink()
    with pytest.raises(MambatrackError, match=r"has no b\.txt"):
        planned(transforms)


def test_a_setting_that_is_no_camera_is_refused():
    with pytest.raises(MambatrackError, match="one of off, auto, boxes, pictures, or the path of"):
        load_config(overrides={"tracker.camera": "photos"})


def test_a_folder_is_for_many_sources(transforms):
    assert open_camera("off") is None and open_camera("boxes") is None
    with pytest.raises(MambatrackError, match="name the file of this source"):
        open_camera(str(transforms))


def test_the_command_writes_what_track_takes(video, tmp_path, capsys):
    out = tmp_path / "camera.txt"
    assert main(["camera", str(video), "--out", str(out), "--quiet"]) == 0
    found = read_transforms(out)
    assert list(found) == list(range(12)) and found[0].certainty == 0
    assert min(motion.certainty for motion in list(found.values())[1:]) > 0.5
    assert main(["camera", str(video), "--out", str(out)]) == 1
    assert "exists; use --overwrite" in capsys.readouterr().err
    boxes = tmp_path / "det.txt"
    boxes.write_text("1,-1,100,50,40,80,0.9\n")
    assert main(["camera", str(video), "--out", str(out), "--boxes", str(boxes), "--overwrite",
                 "--homography"]) == 0  # fmt: skip
    assert "the transforms of 12 frames" in capsys.readouterr().out
    part = ["--start", "3", "--stop", "8", "--crop", "10:10:300:170"]
    assert main(["camera", str(video), "--out", str(out), "--overwrite", *part]) == 0
    assert "the transforms of 5 frames" in capsys.readouterr().out
    assert list(read_transforms(out)) == [3, 4, 5, 6, 7]
    track = ["track", str(video), "--camera", str(out), "--stride", "2", *part]
    assert main([*track, "--jsonl", str(tmp_path / "a.jsonl")]) == 0
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()[1:]]
    assert [line["frame"] for line in lines] == [3, 5, 7]
    assert min(line["camera"]["certainty"] for line in lines[1:]) > 0.5


@pytest.mark.parametrize("offline", [[], ["--offline"]])
def test_a_source_is_tracked_with_its_pictures_or_a_file(video, tmp_path, capsys, offline):
    det, camera = tmp_path / "det.txt", tmp_path / "camera.txt"
    det.write_text("".join(f"{frame},-1,100,50,40,80,0.9\n" for frame in range(1, 13)))
    camera.write_text("".join(f"{frame} 1 0 3 0 1 4\n" for frame in range(12)))
    given = ["--detector", "file", "--weights", str(det), *offline]
    for setting in ("pictures", str(camera)):
        jsonl = tmp_path / f"{len(setting)}.jsonl"
        command = ["track", str(video), "--jsonl", str(jsonl), "--camera", setting, *given]
        assert main(command) == 0
        assert "the camera moved" in capsys.readouterr().out
        frames = [json.loads(line) for line in jsonl.read_text().splitlines()[1:]]
        assert len(frames) == 12
    assert np.reshape(frames[5]["camera"]["transform"], (3, 3))[:2, 2].tolist() == [3, 4]
    assert frames[5]["camera"]["certainty"] == 1 and not frames[5]["camera"]["cut"]


def test_boxes_on_standard_input_have_no_pictures(transforms, capsys):
    for setting in ("pictures", str(transforms / "a.txt")):
        assert main(["track", "-", "--camera", setting]) == 1
        assert "standard input has boxes without pictures" in capsys.readouterr().err


@pytest.mark.parametrize("half", [[], ["--half", "second"]])
def test_a_data_set_with_pictures_is_looked_at(tmp_path, half):
    write_sequence(tmp_path / "data/a", seed=3, people=4, frames=16, size=SIZE, images=True)
    out = tmp_path / "out"
    assert main(["eval", "--dataset", str(tmp_path / "data"), "--predictor", "kalman",
                 "--camera", "pictures", "--out", str(out), "--quiet", *half]) == 0  # fmt: skip
    lines = [json.loads(line) for line in (out / "a.jsonl").read_text().splitlines()[1:]]
    assert [line["frame"] for line in lines] == list(range(8 if half else 0, 16))
    assert [line["camera"]["certainty"] for line in lines][0] == 0
    assert all(line["camera"]["certainty"] > 0 for line in lines[1:])
    assert all(np.allclose(line["camera"]["transform"], np.eye(3).ravel()) for line in lines)
