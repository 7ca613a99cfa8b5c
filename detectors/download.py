"""Named models of configs/detectors.yaml, fetched on first use, checked, never half-written; what
else is published is fetched likewise."""

import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mambatrack.errors import MambatrackError, reason_of
from mambatrack.files import CHUNK, replacing, sha256

TIMEOUT_S = 30
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Published:
    """A file that others publish. sha256, size in bytes: of the file"""

    name: str
    licence: str
    url: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """In the cache."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class NamedModel(Published):
    """A detector's file. kind: yolox or rtmdet;  convention: of YOLOX"""

    kind: str
    convention: str

    @property
    def file_name(self) -> str:
        return f"{self.name}.onnx"


def named_models() -> dict[str, NamedModel]:
    """The entries of configs/detectors.yaml by name."""
    import yaml

    path = Path(__file__).parents[1] / "configs" / "detectors.yaml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: NamedModel(name=name, **entry) for name, entry in entries.items()}


def cache_folder() -> Path:
    """$MAMBATRACK_CACHE, else mambatrack in $XDG_CACHE_HOME or ~/.cache."""
    if os.environ.get("MAMBATRACK_CACHE"):
        return Path(os.environ["MAMBATRACK_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mambatrack"


def offline() -> bool:
    """Whether $MAMBATRACK_OFFLINE forbids to ask the network."""
    return os.environ.get("MAMBATRACK_OFFLINE", "") not in ("", "0")


def fetch(model: Published, folder: Path | None = None, patience_s: float = TIMEOUT_S) -> Path:
    """The model's file in ``folder``, the cache by default, downloaded where it is not there.

    patience_s: for the server's answer, and for each part of the file. The file appears under its
    name only once its sha256 is right. Raises MambatrackError with the file, its address and where
    to put it when it cannot be had.
    """
    path = (folder or cache_folder()) / model.file_name
    if path.is_file():
        found = sha256(path)
        if found != model.sha256:
            raise MambatrackError(
                f"{path} is not the published {model.name}: its sha256 is {found}, expected "
                f"{model.sha256}; delete it to fetch it again"
            )
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            _download(model, file, patience_s)
    except (OSError, http.client.HTTPException, MambatrackError) as error:
        place = model.url.removeprefix("https://")  # as_message() hides parts of what has a scheme
        raise MambatrackError(
            f"{model.name} cannot be fetched: {_reason(error)}. Get {place} by other means and put "
            f"it at {path}"
        ) from None
    return path


def _download(model: Published, file: BinaryIO, patience_s: float) -> None:
    if offline():
        raise MambatrackError("MAMBATRACK_OFFLINE is set")
    digest, received = hashlib.sha256(), 0
    with _answer(model.url, patience_s) as response, _progress(model) as advance:
        while received < model.size and (chunk := response.read(CHUNK)):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            advance(len(chunk))
    if received < model.size:
        raise MambatrackError(f"the connection ended after {received} of {model.size} bytes")
    if received > model.size or digest.hexdigest() != model.sha256:
        raise MambatrackError(
            f"what came is not the published file (sha256 {digest.hexdigest()}, expected "
            f"{model.sha256})"
        )


def _answer(url: str, patience_s: float) -> Any:
    """The open response. A thread waits for it, as nothing else ends a look-up of the name."""
    _refuse_insecure(url)
    request = urllib.request.Request(url, headers={"User-Agent": "mambatrack"})
    opener = urllib.request.build_opener(_SecureRedirects)
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(opener.open(request, timeout=patience_s))
        except Exception as error:  # raised again by who waits
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience_s)
    if not answers or isinstance(answers[0], TimeoutError):
        raise MambatrackError(f"no answer for {patience_s:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


@contextmanager
def _progress(model: Published) -> Iterator[Callable[[int], Any]]:
    """A bar on a terminal, one line elsewhere; both on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        megabytes = model.size / 1e6
        console.print(f"fetching {model.url} ({megabytes:.1f} MB, {model.licence})", soft_wrap=True)
    columns = "fetching {task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(model.file_name, total=model.size)
        yield lambda count: bar.advance(task, count)


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        request = super().redirect_request(*arguments)
        if request is not None:
            _refuse_insecure(request.full_url)
        return request


def _refuse_insecure(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise MambatrackError(f"{parts.scheme}://{parts.hostname} is not https")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        why = reason_of(error.reason) if isinstance(error.reason, OSError) else error.reason
        return f"the server cannot be reached ({why})"
    return reason_of(error) or type(error).__name__
