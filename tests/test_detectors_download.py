import dataclasses
import hashlib
import http.server
import re
import threading

import pytest

from mambatrack.cli.shared import as_message
from mambatrack.detectors import download
from mambatrack.detectors.download import NamedModel, cache_folder, fetch, named_models
from mambatrack.errors import MambatrackError
from tiny_onnx import detector, heads, write_onnx

CONTENT = bytes(range(256)) * 4000  # several chunks


class Handler(http.server.BaseHTTPRequestHandler):
    content = CONTENT
    requests: list[str] = []

    def do_GET(self):
        type(self).requests.append(self.path)
        if self.path.startswith("/to/"):
            self.answer(302, b"", {"Location": self.path[4:]})
        elif self.path == "/good.onnx":
            self.answer(200, self.content)
        elif self.path == "/cut.onnx":
            self.answer(200, self.content[:-1000], {"Content-Length": str(len(self.content))})
        elif self.path == "/short.onnx":
            self.answer(200, self.content[:-1000])
        elif self.path == "/long.onnx":
            self.answer(200, self.content * 2)
        elif self.path == "/changed.onnx":
            self.answer(200, self.content[:-1] + b"?")
        else:
            self.answer(404, b"nothing here")

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("MAMBATRACK_OFFLINE", raising=False)


@pytest.fixture
def server(monkeypatch):
    """-> its address; the handler of one test knows nothing of another's."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    handler = type("OwnHandler", (Handler,), {"requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.address = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()


def model(url, content=CONTENT):
    digest = hashlib.sha256(content).hexdigest()
    return NamedModel("net", "Apache-2.0", url, digest, len(content), "yolox", "current")


def test_a_good_file_is_fetched_once(server, tmp_path, capfd):
    wanted = model(f"{server.address}/good.onnx")
    path = fetch(wanted, tmp_path / "deep" / "cache")
    assert path == tmp_path / "deep" / "cache" / "net.onnx" and path.read_bytes() == CONTENT
    said = capfd.readouterr()
    assert said.out == "" and wanted.url in said.err and "1.0 MB" in said.err
    assert fetch(wanted, tmp_path / "deep" / "cache") == path
    assert server.RequestHandlerClass.requests == ["/good.onnx"]
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("changed.onnx", "what came is not the published file (sha256 "),
        ("long.onnx", "what came is not the published file"),
        ("cut.onnx", "the connection ended after 1023000 of 1024000 bytes"),
        ("short.onnx", "the connection ended after 1023000 of 1024000 bytes"),
        ("absent.onnx", "the server says 404 Not Found"),
        ("to/http://example.org/x", "http://example.org is not https"),
        ("to/ftp://127.0.0.1/x", "ftp://127.0.0.1 is not https"),
    ],
)
def test_a_failed_download_says_why_and_leaves_nothing(server, tmp_path, file, reason):
    wanted = model(f"{server.address}/{file}")
    with pytest.raises(MambatrackError) as error:
        fetch(wanted, tmp_path)
    message = str(error.value)
    assert message.startswith("net cannot be fetched: ") and reason in message
    assert f"Get {wanted.url} by other means and put it at {tmp_path / 'net.onnx'}" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", named_models())
def test_the_place_of_a_model_is_readable_where_messages_are_shown(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MAMBATRACK_OFFLINE", "1")
    wanted = named_models()[name]
    with pytest.raises(MambatrackError) as error:
        fetch(wanted, tmp_path)
    assert wanted.url.removeprefix("https://") in as_message(error.value)


def test_a_redirect_is_followed(server, tmp_path):
    wanted = model(f"{server.address}/to/{server.address}/good.onnx")
    assert fetch(wanted, tmp_path).read_bytes() == CONTENT


def test_an_unreachable_server_names_file_address_and_place(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    place = re.escape(str(tmp_path / "net.onnx"))
    with pytest.raises(MambatrackError, match=f"cannot be reached .*127.0.0.1:9/x.* at {place}$"):
        fetch(model("http://127.0.0.1:9/x"), tmp_path)


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/hosts", "ftp://127.0.0.1/x"])
def test_only_https_is_used(tmp_path, url):
    with pytest.raises(MambatrackError, match="is not https"):
        fetch(model(url), tmp_path)


def test_a_stop_in_the_middle_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(download.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(model(f"{server.address}/good.onnx"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_by_hand_is_used_when_it_is_the_right_one(tmp_path):
    wanted = model("http://127.0.0.1:9/x")
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    assert fetch(wanted, tmp_path) == tmp_path / "net.onnx"
    (tmp_path / "net.onnx").write_bytes(b"something else")
    with pytest.raises(MambatrackError, match="net.onnx is not the published net: its sha256 is"):
        fetch(wanted, tmp_path)
    assert (tmp_path / "net.onnx").read_bytes() == b"something else"


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MambatrackError, match="net cannot be fetched: .*file"):
        fetch(model("http://127.0.0.1:9/x"), tmp_path / "file" / "cache")


def test_the_place_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MAMBATRACK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mambatrack"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "mambatrack"


def test_the_named_models_are_complete():
    models = named_models()
    assert list(models) == [f"yolox_{size}" for size in ("nano", "tiny", "s", "m", "l", "x")]
    for entry in models.values():
        assert entry.url.startswith("https://") and entry.url.endswith(f"/{entry.name}.onnx")
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256) and entry.size > 3_000_000
        assert (entry.kind, entry.licence) == ("yolox", "Apache-2.0")
        assert entry.convention in ("legacy", "current")
    assert len({entry.sha256 for entry in models.values()}) == len(models)


def test_a_named_detector_is_fetched_and_runs(server, tmp_path, monkeypatch):
    source = tmp_path / "source.onnx"
    write_onnx(source, {"output": heads([], 80, [], [])[0][None]})
    server.RequestHandlerClass.content = source.read_bytes()
    wanted = model(f"{server.address}/good.onnx", source.read_bytes())
    wanted = dataclasses.replace(wanted, convention="legacy")
    monkeypatch.setattr(download, "named_models", lambda: {"net": wanted})
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path / "cache"))
    opened = detector(name="net", convention="auto")
    assert opened.convention == "legacy" and opened.names[0] == "person"
    assert (tmp_path / "cache" / "net.onnx").read_bytes() == source.read_bytes()
