"""Connections that cannot hold up or exhaust the server: uvicorn's, with limits of their own.

A connection is cut whose peer reads nothing for STALL_S, or that has not sent a whole head of a
request REQUEST_S after it came or after the first byte of a further one. One that sends more than a
page does is read no further, and cut HUSH_S later. None is taken beyond MOST_CONNECTIONS, so that
files are left for the tracker.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALL_S = 8.0
REQUEST_S = 10.0
HUSH_S = 5.0
MOST_CONNECTIONS = 400
TALK_BYTES = 8192  # of a page at once; it says a few dozen when its user chooses sources
TALK_BYTES_PER_S = 1024
TALK_READS = 60  # in which they may come: each costs more than its bytes
TALK_READS_PER_S = 10


def protocols(
    on_stall: Callable[[], None],
) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """-> the HTTP and the WebSocket protocol; on_stall: called for each connection cut as its peer
    did not read, or did not stop talking."""
    own = {"on_stall": staticmethod(on_stall)}
    return type("Http", (_Http,), own), type("WebSocket", (_WebSocket,), own)


class Allowance:
    """An amount that is spent, and grows again to ``most`` at ``per_s`` a second."""

    def __init__(self, most: float, per_s: float):
        self._most, self._per_s, self._left = most, per_s, most
        self._at = time.monotonic()

    def spend(self, amount: float) -> bool:
        """Whether there was so much left."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s) - amount
        self._at = now
        return self._left >= 0


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
    deadline: asyncio.TimerHandle | None = None  # for the head of a request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._expect_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect_request()

    def connection_lost(self, error: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(error)

    def _expect_request(self) -> None:
        """Sets the deadline where a request is due, unless it is set; none while one is answered,
        and none once a WebSocket has taken the connection over."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.get_protocol() is not self:
            self._expect_nothing()
        elif self.deadline is None:
            self.deadline = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None


class _WebSocket(_Patience, WebSocketsSansIOProtocol):
    hushed = False

    def __init__(self, *given: Any, **named: Any):
        super().__init__(*given, **named)
        self._bytes = Allowance(TALK_BYTES, TALK_BYTES_PER_S)
        self._reads = Allowance(TALK_READS, TALK_READS_PER_S)

    def data_received(self, data: bytes) -> None:
        if self.hushed:
            self.transport.pause_reading()  # uvicorn reads on after each message of before
        elif self._bytes.spend(len(data)) and self._reads.spend(1):
            super().data_received(data)
        elif not self.transport.is_closing():
            self._hush()

    def _hush(self) -> None:
        """Reads no more, which costs nothing, and cuts a little later: who is cut at once comes
        back at once, and coming costs more than talking."""
        self.hushed = True
        self.transport.pause_reading()
        self.loop.call_later(HUSH_S, self._cut)

    def _cut(self) -> None:
        if not self.transport.is_closing():
            super()._cut()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # of what is no WebSocket; uvicorn asserts that it is
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a peer that does not read gets no pongs either
