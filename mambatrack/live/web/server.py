"""The page of live tracking: a web server beside the loop that tracks, never in its way.

>>> observer = serve(session, ["door", "yard"])     # prints nothing, returns at once
>>> observer.url
'http://127.0.0.1:8000/'
"""

import asyncio
import importlib.util
import socket
import threading
import time
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.live.updates import Controls, LiveUpdate, SourceStatus
from mambatrack.live.web.access import is_loopback, usable_token
from mambatrack.settings import DrawingConfig

if TYPE_CHECKING:
    from mambatrack.live.web.hub import Payload

PACKAGES = ("fastapi", "uvicorn", "websockets")
START_S = 20.0
BUFFER = 128 << 10  # bytes of a connection in the kernel: about two pictures


def serve(
    controls: Controls,
    names_of_sources: Sequence[str],
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    limit: int | None = None,
    drawing: DrawingConfig | None = None,
) -> "WebObserver":
    """Opens the page and returns at once; it is served from threads of its own.

    host: the address to listen on. Beyond this machine a token is needed; one is made where none
        was given, and ``url`` holds it. port: 0 takes any free one. limit: bytes on disk for the
        recording of each source. drawing: what is drawn of the tracks, unless a watcher chooses
        otherwise.
    Raises MissingExtra, or MambatrackError where the address is taken or the token too simple.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "web", "the page of live tracking")
    listener = _listen(host, port)
    try:
        return WebObserver(
            controls, names_of_sources, listener, host, usable_token(host, token), limit, drawing
        )
    except BaseException:
        listener.close()
        raise


class WebObserver:
    """An Observer that shows what it is told on a page.

    url: of the page, with the token where there is one. token: None where none is asked for
    """

    def __init__(
        self,
        controls: Controls,
        names: Sequence[str],
        listener: socket.socket,
        host: str,
        token: str | None,
        limit: int | None = None,
        drawing: DrawingConfig | None = None,
    ):
        from mambatrack.live.web.hub import Hub
        from mambatrack.live.web.page_state import LiveState
        from mambatrack.live.web.track_log import LIMIT
        from mambatrack.live.web.worker import Worker

        self.token = token
        self.url = _url(listener, host, token)
        self._state = LiveState(controls, names, limit or LIMIT, drawing)
        self._hub = Hub(len(names))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = self._configured(listener, host)
        self._worker = Worker(self._state, lambda: self._hub.demand, self._publish)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="page-server", daemon=True
        )
        self._thread.start()
        self._await_start()

    def update(self, update: LiveUpdate) -> None:
        """Takes note; all work is done elsewhere."""
        self._worker.take(update)

    def status(self, source: int, status: SourceStatus) -> None:
        self._worker.change(source, status)

    def close(self) -> None:
        """Ends all connections and removes the recordings."""
        self._server.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._call(self._hub.close)
        self._thread.join(10)
        self._worker.close()
        self._state.close()

    def _configured(self, listener: socket.socket, host: str) -> Any:
        import uvicorn

        from mambatrack.live.web.api import build_app
        from mambatrack.live.web.guard import Guard
        from mambatrack.live.web.protocols import protocols

        port = listener.getsockname()[1]
        app = Guard(
            build_app(self._state, self._hub, lambda: self._worker.alive), *_names(host),
            self.token, f"mambatrack-{port}",
            resources.files("mambatrack.live.web").joinpath("page/sign-in.html").read_bytes(),
        )  # fmt: skip
        http, websocket = protocols(self._count_stall)
        return uvicorn.Server(uvicorn.Config(
            app, http=http, ws=websocket, ws_max_size=4096, ws_per_message_deflate=False,
            h11_max_incomplete_event_size=1 << 15,
            loop="asyncio", lifespan="off", log_config=None, log_level="critical",
            access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=1,
        ))  # fmt: skip

    def _run(self, listener: socket.socket) -> None:
        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[listener])

        asyncio.run(run())

    def _await_start(self) -> None:
        end = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.005)
        if not self._server.started:
            self.close()
            raise MambatrackError(f"the page did not come up on {self.url}")

    def _count_stall(self) -> None:
        self._state.dropped_clients += 1

    def _publish(self, kind: str, payload: "Payload", pictures: bool, source: int | None) -> None:
        self._call(self._hub.publish, kind, payload, pictures, source)

    def _call(self, *call: Any) -> None:
        """Runs a function in the server's loop, unless that is over."""
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(*call)
        except RuntimeError:
            pass


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises MambatrackError where there can be none."""
    if not 0 <= port <= 65535:
        raise MambatrackError(f"port {port}: expected 1 to 65535, or 0 for any that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise MambatrackError(f"--host {host} cannot be listened on: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise MambatrackError(
            f"cannot listen on {host}, port {port}: {error}; name another with --host or --port"
        ) from None
    return listener


def _names(host: str) -> tuple[frozenset[str], bool]:
    """Names by which the server may be called, and whether any address will do too: a page of
    another site can only reach it by a name, never make the browser send an address."""
    names = {"localhost", "127.0.0.1", "::1", host.lower()}
    if not is_loopback(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names - {""}), not is_loopback(host)


def _url(listener: socket.socket, host: str, token: str | None) -> str:
    """An address that a browser on this machine can open."""
    shown = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
    shown = f"[{shown}]" if ":" in shown else shown
    query = "" if token is None else f"?token={quote(token, safe='')}"
    return f"http://{shown}:{listener.getsockname()[1]}/{query}"
