"""The page's HTTP and WebSocket interface, as a FastAPI application.

Needs the extra [web]; server.py puts the guard of server_guard.py around it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mambatrack.live.updates import LiveUpdate
from mambatrack.live.web.api_models import (
    AllCounts,
    AllTracks,
    Empty,
    Health,
    Paused,
    Problem,
    Sources,
)
from mambatrack.live.web.counts_json import counts_json, seconds
from mambatrack.live.web.hub import Hub
from mambatrack.live.web.messages import frame_json, snapshot, status_json
from mambatrack.live.web.metrics import CONTENT_TYPE, metrics_text
from mambatrack.live.web.page_state import LiveState, SourceView
from mambatrack.live.web.streams import add_streams
from mambatrack.live.web.track_log import Kind
from mambatrack.version import VERSION

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
MEDIA = {"mot": "text/plain", "jsonl": "application/x-ndjson", "csv": "text/csv"}
MOST_DOWNLOADS = 4
MOST_SNAPSHOTS = 4  # that wait or are drawn

# as text: numbers would be let in with spaces, signs and leading zeros, which the schema forbids
NUMBER = "^(0|[1-9][0-9]{0,3})$"
Index = Annotated[str, Path(pattern=NUMBER, description="number of the source, from 0")]
Chosen = Annotated[str | None, Query(pattern=NUMBER)]
Truth = Literal["true", "false"]
Nothing = Annotated[Empty | None, Body()]
Refusals = dict[int | str, dict[str, Any]]
MISSING: Refusals = {404: {"model": Problem}}
REFUSED: Refusals = {
    status: {"model": Problem} for status in (400, 401, 403, 408, 413, 414, 422, 431)
}  # fmt: skip


def build_app(state: LiveState, hub: Hub, alive: Callable[[], bool]) -> FastAPI:
    """alive: whether the page's own worker runs"""
    app = FastAPI(
        title="mambatrack live", version=VERSION, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json", redirect_slashes=False, responses=REFUSED,
    )  # fmt: skip
    app.add_exception_handler(RequestValidationError, _invalid)
    _add_health(app, state, hub, alive)
    _add_state(app, state)
    _add_files(app, state)
    add_streams(app, state, hub)
    _add_page(app)
    return app


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Says so without repeating what was sent."""
    return JSONResponse({"detail": "not valid; /api/openapi.json describes what is"}, 422)


def _add_health(app: FastAPI, state: LiveState, hub: Hub, alive: Callable[[], bool]) -> None:
    @app.get("/healthz", responses={503: {"model": Health}})
    async def healthz(response: Response) -> Health:
        """Whether the server and its worker run."""
        well = alive() and not state.problem
        response.status_code = 200 if well else 503
        return Health(status="ok" if well else "failed")

    @app.get("/readyz", responses={503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """Whether any source is open."""
        response.status_code = 200 if state.ready else 503
        return Health(status="ready" if state.ready else "waiting")

    @app.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
    async def metrics() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics_text(state, hub.demand.clients), media_type=CONTENT_TYPE)


def _add_state(app: FastAPI, state: LiveState) -> None:
    @app.get("/api/sources")
    async def sources() -> Sources:
        """How all sources are doing."""
        views = [status_json(index, view) for index, view in enumerate(state.sources)]
        return Sources.model_validate({"paused": state.controls.paused, "sources": views})

    @app.get("/api/tracks", responses=MISSING)
    async def tracks(source: Chosen = None) -> AllTracks:
        """The tracks in the newest frame of one source, or of all that had one."""
        newest = _newest(state, source)
        return AllTracks.model_validate(
            {"sources": [{**frame_json(update), "name": name} for name, update in newest]}
        )

    @app.get("/api/counts", responses=MISSING)
    async def counts(source: Chosen = None) -> AllCounts:
        """Lines and zones after the newest frame of one source, or of all that had one."""
        return AllCounts.model_validate({
            "sources": [
                {"source": update.source, "name": name, "frame": update.tracks.frame,
                 "time_s": seconds(update.tracks.time_s), **counts_json(update.counts)}
                for name, update in _newest(state, source)
            ]
        })  # fmt: skip

    @app.post("/api/pause")
    async def pause(body: Nothing = None) -> Paused:
        """Frames are read and thrown away until resumed."""
        state.controls.pause()
        return Paused(paused=state.controls.paused)

    @app.post("/api/resume")
    async def resume(body: Nothing = None) -> Paused:
        """Tracks again after a pause."""
        state.controls.resume()
        return Paused(paused=state.controls.paused)


def _add_files(app: FastAPI, state: LiveState) -> None:
    drawing, downloads = asyncio.Lock(), threading.BoundedSemaphore(MOST_DOWNLOADS)
    snapshots = threading.BoundedSemaphore(MOST_SNAPSHOTS)

    @app.get(
        "/api/snapshot/{source}.jpg",
        response_class=Response,
        responses={
            200: {"content": {"image/jpeg": {}}}, 429: {"model": Problem}, **MISSING,
        },
    )  # fmt: skip
    async def take_snapshot(request: Request, source: Index, boxes: Truth = "true") -> Response:
        """The newest frame in full size, with its tracks drawn or without."""
        view = _view(state, source)
        if not snapshots.acquire(blocking=False):
            raise HTTPException(429, f"{MOST_SNAPSHOTS} snapshots are waiting; try again later")
        try:
            await request.body()  # from here on, what comes is that the asker has gone
            async with drawing:  # one at a time: the tracker needs the processor
                if view.newest is None:
                    raise HTTPException(404, f"source {source} had no frame yet")
                if await request.is_disconnected():
                    return Response(status_code=499)
                newest = view.newest
                rules = state.drawing if boxes == "true" else None
                picture = await asyncio.to_thread(snapshot, newest, rules)
        finally:
            snapshots.release()
        name = f"{view.file_name}-{newest.tracks.frame}.jpg"
        headers = {"content-disposition": f'inline; filename="{name}"'}
        return Response(picture, media_type="image/jpeg", headers=headers)

    @app.get(
        "/api/results/{source}.{kind}",
        response_class=StreamingResponse,
        responses={200: {"content": {media: {} for media in MEDIA.values()}},
                   429: {"model": Problem}, **MISSING},
    )  # fmt: skip
    async def results(source: Index, kind: Kind) -> StreamingResponse:
        """The tracks so far, as MOT text, JSON Lines or CSV; above the limit the oldest go."""
        view = _view(state, source)
        recording = view.recording
        if not downloads.acquire(blocking=False):
            raise HTTPException(429, f"{MOST_DOWNLOADS} downloads are running; try again later")
        name = f"{view.file_name}.{'txt' if kind == 'mot' else kind}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if recording.first is not None:
            headers["x-mambatrack-first-frame"] = str(recording.first)
        media = MEDIA[kind]
        text = _in_a_thread(recording.text(kind))
        return _Download(downloads.release, text, media_type=media, headers=headers)


class _Download(StreamingResponse):
    """over: called at its end, also where the client left before the first byte."""

    def __init__(self, over: Callable[[], None], *given: Any, **named: Any):
        super().__init__(*given, **named)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


async def _in_a_thread(text: Iterator[str]) -> AsyncIterator[str]:
    while (part := await asyncio.to_thread(next, text, None)) is not None:
        yield part


def _add_page(app: FastAPI) -> None:
    """The files of the page, read once: no path of a request ever reaches the disk."""
    files = {
        path.name: (path.read_bytes(), TYPES[suffix])
        for path in resources.files("mambatrack.live.web").joinpath("page").iterdir()
        if (suffix := "." + path.name.rpartition(".")[2]) in TYPES
    }

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return Response(files["index.html"][0], media_type=TYPES[".html"])

    @app.get("/{name}", include_in_schema=False)
    async def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "no such page")
        content, media_type = files[name]
        return Response(content, media_type=media_type)


def _newest(state: LiveState, source: str | None) -> list[tuple[str, LiveUpdate]]:
    """Name and newest update of one source, or of all; none of those that had no frame yet."""
    chosen = state.sources if source is None else [_view(state, source)]
    newest = [(view.status.name, view.newest) for view in chosen]
    return [(name, update) for name, update in newest if update is not None]


def _view(state: LiveState, source: str) -> SourceView:
    if int(source) >= len(state.sources):
        raise HTTPException(404, f"there is no source {source}; they are numbered from 0")
    return state.sources[int(source)]
