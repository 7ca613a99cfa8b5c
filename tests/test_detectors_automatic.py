"""The detector auto: what is taken, why, and what it costs where nothing can be fetched."""

import hashlib
import http.server
import os
import threading
from dataclasses import replace

import pytest

from mambatrack.config import DetectorConfig
from mambatrack.detectors import automatic, open_detector
from mambatrack.detectors.automatic import MARK, RETRY_S, choose
from mambatrack.detectors.classes import MOVING
from mambatrack.detectors.download import NamedModel
from mambatrack.detectors.motion import MotionDetector
from mambatrack.detectors.own import OwnDetector
from mambatrack.errors import MambatrackError

CONTENT = b"a model" * 1000
AUTO = DetectorConfig()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the model, or not at all where the path is /silent."""

    requests: list[str]
    released: threading.Event

    def do_GET(self):
        self.requests.append(self.path)
        if self.path == "/silent":
            self.released.wait(30)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """-> the requests; the named models are on it, the cache is empty, the network is allowed."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MAMBATRACK_OFFLINE")
    released = threading.Event()
    handler = type("OwnHandler", (Handler,), {"requests": [], "released": released})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        name_models(monkeypatch, running.server_port, "good")
        yield running
        released.set()
        running.shutdown()


def name_models(monkeypatch, port, path):
    """A small and a large named model, both at this path."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    url = f"http://127.0.0.1:{port}/{path}"
    small = NamedModel("small", "Apache-2.0", url, digest, len(CONTENT), "yolox", "current")
    models = {"large": replace(small, name="large", size=10 * len(CONTENT)), "small": small}
    monkeypatch.setattr(automatic, "named_models", lambda: models)


def test_the_smallest_named_model_is_fetched_and_then_taken_from_the_cache(server):
    assert choose(AUTO)[0].name == "small"
    config, line = choose(AUTO)
    assert config == replace(AUTO, name="small", classes=MOVING)
    assert line == (
        "detector: small, from the cache, for people, vehicles and animals; --classes person for "
        "people, --classes all for everything it knows"
    )
    assert server.RequestHandlerClass.requests == ["/good"]


@pytest.mark.parametrize("given", [{"classes": ("all",)}, {"class_names": ("a", "b")}])
def test_classes_that_are_given_are_kept(server, given):
    config = replace(AUTO, **given)
    choose(config)
    line = "detector: small, from the cache"
    assert choose(config) == (replace(config, name="small"), line)


def test_offline_it_is_own_and_the_line_says_how_to_get_better(server, monkeypatch):
    monkeypatch.setenv("MAMBATRACK_OFFLINE", "1")
    config, line = choose(AUTO)
    assert config == replace(AUTO, name="own", conf=AUTO.own_conf)
    assert isinstance(open_detector(AUTO), OwnDetector)
    assert line == (
        "detector: own, for people, as MAMBATRACK_OFFLINE is set; larger networks find more of "
        "them: --detector small, or --weights FILE.onnx; --detector motion finds whatever moves in "
        "front of a still camera"
    )
    assert server.RequestHandlerClass.requests == []


def test_a_failed_attempt_is_remembered_for_some_minutes(server, monkeypatch, tmp_path):
    monkeypatch.setattr(automatic, "PATIENCE_S", 0.2)
    name_models(monkeypatch, server.server_port, "silent")
    config, line = choose(AUTO)
    assert config.name == "own" and "small cannot be fetched: no answer for 0.2 s" in line
    mark = tmp_path / "cache" / MARK
    assert [file.name for file in mark.parent.iterdir()] == [MARK]
    assert "some minutes ago" in choose(AUTO)[1]
    assert server.RequestHandlerClass.requests == ["/silent"]
    os.utime(mark, (0, mark.stat().st_mtime - RETRY_S - 1))
    assert "no answer" in choose(AUTO)[1]


def test_a_wrong_file_is_not_kept(server, monkeypatch, tmp_path):
    name_models(monkeypatch, server.server_port, "good")
    models = automatic.named_models()
    models["small"] = replace(models["small"], sha256="0" * 64)
    monkeypatch.setattr(automatic, "named_models", lambda: models)
    config, line = choose(AUTO)
    assert config.name == "own" and "not the published file" in line
    assert not (tmp_path / "cache" / "small.onnx").exists()


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ("a/model.onnx", "onnx"),
        ("det/det.txt", "file"),
        ("coco.json", "file"),
        ("a.CSV", "file"),
        ("A.ONNX", "onnx"),
        ("run/a.safetensors", "own"),
    ],
)
def test_weights_imply_their_detector(weights, name):
    config, line = choose(replace(AUTO, weights=weights))
    assert config.name == name and line.startswith(f"detector: {name}, as {weights} is ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pt", "of PyTorch; .* 'yolo export model=a.pt format=onnx'"),
        ("a.PTH", "of PyTorch"),
        ("a.engine", "of another program; give the ONNX file"),
        ("a.npz", "no network; .* frame,-1,left,top,width,height,score"),
    ],
)
def test_weights_of_others_are_told_what_they_are(name, said):
    with pytest.raises(MambatrackError, match=said):
        choose(DetectorConfig(weights=name))


def test_other_weights_are_refused():
    with pytest.raises(MambatrackError, match="a.what are neither an ONNX file .* nor boxes"):
        choose(replace(AUTO, weights="a.what"))


def test_a_named_detector_is_taken_without_a_word():
    config = DetectorConfig(name="yolox", weights="a.onnx")
    assert choose(config) == (config, "")


def test_motion_finds_all_there_is():
    assert isinstance(
        open_detector(DetectorConfig(name="motion", classes=("all",))), MotionDetector
    )


@pytest.mark.parametrize("given", [{"weights": "a.onnx"}, {"classes": ("person",)}])
def test_what_motion_would_not_use_is_refused(given):
    with pytest.raises(MambatrackError, match=f"the detector motion has no {next(iter(given))}"):
        open_detector(DetectorConfig(name="motion", **given))
