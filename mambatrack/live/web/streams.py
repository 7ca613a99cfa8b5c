"""What the page and programs are told as it happens: server-sent events and the WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from starlette.websockets import WebSocketDisconnect

from mambatrack.live.web.api_models import Problem
from mambatrack.live.web.hub import Hub, Watcher
from mambatrack.live.web.messages import hello_message
from mambatrack.live.web.page_state import LiveState

CHOICE_S = 0.25  # between two choices of sources that a page is listened to for


def add_streams(app: FastAPI, state: LiveState, hub: Hub) -> None:
    """Adds ``/api/events`` and ``/ws`` to the application."""

    @app.get(
        "/api/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, 429: {"model": Problem}},
    )
    async def events() -> StreamingResponse:
        """Server-sent events: ``tracks`` for each frame that is shown, ``state`` every second."""
        if hub.full:
            raise HTTPException(429, "too many watchers; try again later")
        return StreamingResponse(_events(state, hub), media_type="text/event-stream")

    @app.websocket("/ws")
    async def watch(socket: WebSocket) -> None:
        await socket.accept()
        if hub.full:
            await socket.close(1013, "too many watchers")
            return
        watcher = hub.join(pictures=True)
        try:
            await socket.send_text(hello_message(state))
            await _serve(socket, watcher, hub, len(state.sources))
        except (WebSocketDisconnect, OSError):
            pass
        finally:
            hub.leave(watcher)


async def _events(state: LiveState, hub: Hub) -> AsyncIterator[str]:
    watcher = hub.join(pictures=False)
    try:
        yield f"event: state\ndata: {hello_message(state)}\n\n"
        while (message := await watcher.next()) is not None:
            yield str(message)
    finally:
        hub.leave(watcher)


async def _serve(socket: WebSocket, watcher: Watcher, hub: Hub, sources: int) -> None:
    """Sends and listens until either side has had enough."""
    tasks = [
        asyncio.create_task(_send(socket, watcher)),
        asyncio.create_task(_listen(socket, watcher, hub, sources)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: WebSocket, watcher: Watcher) -> None:
    while (message := await watcher.next()) is not None:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message)
    await socket.close(1001, "the session is over")


async def _listen(socket: WebSocket, watcher: Watcher, hub: Hub, sources: int) -> None:
    """The only thing a page says is which sources it shows: {"watch": [0, 2]}, or null for all."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            chosen = _chosen(message.get("text") or "", sources)
        except (ValueError, TypeError, KeyError, RecursionError):
            await socket.close(1003, 'expected {"watch": [0, 1]} or {"watch": null}')
            return
        hub.choose(watcher, chosen)
        await asyncio.sleep(CHOICE_S)  # each choice has the newest frames drawn again


def _chosen(text: str, sources: int) -> frozenset[int] | None:
    watch = json.loads(text)["watch"]
    if watch is None:
        return None
    if not isinstance(watch, list) or not all(type(each) is int for each in watch):
        raise ValueError(watch)
    return frozenset(each for each in watch if 0 <= each < sources)
