"""Connections that cannot hold up or exhaust the server: uvicorn's, with limits of their own.

A connection whose peer reads nothing for STALL_S, or sends no request for REQUEST_S, is cut, and
none is taken beyond MOST_CONNECTIONS, so that files are left for the tracker.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALL_S = 8.0
REQUEST_S = 10.0
MOST_CONNECTIONS = 400


def protocols(
    on_stall: Callable[[], None],
) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """-> the HTTP and the WebSocket protocol; on_stall: called for each connection cut as its peer
    did not read."""
    own = {"on_stall": staticmethod(on_stall)}
    return type("Http", (_Http,), own), type("WebSocket", (_WebSocket,), own)


class _Patience:
    """Cuts a connection that stays unwritable."""

    on_stall: Callable[[], None]
    transport: Any
    timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self.timer = asyncio.get_running_loop().call_later(STALL_S, self._cut)

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[misc]
        self._forget()

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()
        super().connection_lost(error)  # type: ignore[misc]

    def _forget(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _cut(self) -> None:
        self.on_stall()
        self.transport.abort()


class _Http(_Patience, H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(REQUEST_S, self._expect_request)

    def _expect_request(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()


class _WebSocket(_Patience, WebSocketsSansIOProtocol):
    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a peer that does not read gets no pongs either
