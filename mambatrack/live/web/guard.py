"""Who may talk to the server: checks in front of the application, and headers behind it.

The Host header must name this machine, so that no other site's name can be pointed here (DNS
rebinding); what another site's page asks for is refused, but for a link to the page itself; a
token, where there is one, must come as a Bearer header or as the cookie that the page's address
sets. Bodies are short or refused, and so is more than REQUESTS_PER_S in the long run.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from mambatrack.live.web.protocols import Allowance
from mambatrack.live.web.track_log import dumps

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

MOST_BODY = 4096
MOST_PATH = 2048
MOST_HEADERS = 16384
BODY_S = 5.0
MOST_REQUESTS = 400  # at once; a page asks for seven
REQUESTS_PER_S = 50.0
BUSY_S = 1.0  # that a request too many waits for its answer
OPEN_PATHS = ("/healthz", "/readyz", "/style.css", "/icon.svg")
ONCE = {b"origin", b"sec-fetch-site", b"authorization", b"content-length", b"transfer-encoding"}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]


class Refused(Exception):
    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail


class Guard:
    """An ASGI application around another one.

    hosts: names by which the server may be called; any_address: also by any IP address
    token: asked for, but for health checks and the look of the page; None: no token
    sign_in: the HTML page that asks for the token
    """

    def __init__(
        self,
        app: App,
        hosts: frozenset[str],
        any_address: bool,
        token: str | None,
        cookie: str,
        sign_in: bytes,
    ):
        self._app, self._hosts, self._any_address = app, hosts, any_address
        self._token, self._cookie, self._sign_in = token, cookie, sign_in
        self._requests = Allowance(MOST_REQUESTS, REQUESTS_PER_S)
        self._cookie_value = hashlib.sha256(f"cookie of {token}".encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        try:
            await self._check_rate()
            _check_lengths(scope)
            _check_doubts(scope, headers)
            self._check_host(headers)
            self._check_origin(scope, headers)
            cookie = self._check_token(scope, headers)
            body = b"" if scope["type"] == "websocket" else await _body(scope, headers, receive)
        except Refused as refused:
            await self._refuse(refused, scope, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            if scope["method"] == "HEAD":  # uvicorn leaves the body of the answer out
                scope = {**scope, "method": "GET"}
            await self._app(scope, _replayed(body, receive), _secured(send, cookie))

    def _check_host(self, headers: Headers) -> None:
        name = _host_name(headers.get(b"host", b"").decode("latin-1"))
        if name not in self._hosts and not (self._any_address and _is_address(name)):
            raise Refused(400, "this server does not go by that name")

    async def _check_rate(self) -> None:
        if not self._requests.spend(1):
            await asyncio.sleep(BUSY_S)
            raise Refused(429, "too many requests; try again later")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if safe and scope["path"] in ("/", *OPEN_PATHS):
            return
        origin, host = headers.get(b"origin"), headers[b"host"]
        own = (b"http://" + host, b"https://" + host)
        foreign = headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin")
        if (origin is not None and origin not in own) or (origin is None and foreign):
            raise Refused(403, "requests from other sites are refused")

    def _check_token(self, scope: Scope, headers: Headers) -> bytes | None:
        """-> the cookie to set, None for none. Raises Refused without the token."""
        if self._token is None or scope["path"] in OPEN_PATHS:
            return None
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and _same(given.strip(), self._token):
            return None
        if _same(_cookies(headers).get(self._cookie, "").encode(), self._cookie_value):
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and _same(asked.strip().encode(), self._token):
            return (
                f"{self._cookie}={self._cookie_value}; Path=/; HttpOnly; SameSite=Strict".encode()
            )
        raise Refused(401, "the token is missing or wrong")

    async def _refuse(self, refused: Refused, scope: Scope, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused.detail})
            return
        html = refused.status == 401 and scope["path"] == "/"
        body = self._sign_in if html else dumps({"detail": refused.detail}).encode()
        kind = b"text/html; charset=utf-8" if html else b"application/json"
        extra = {401: [(b"www-authenticate", b"Bearer")]}.get(refused.status, [])
        closing = [(b"connection", b"close")] if refused.status in (400, 408, 413, 429) else []
        head = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send(
            {
                "type": "http.response.start",
                "status": refused.status,
                "headers": [*head, *extra, *closing, *SECURITY],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _check_lengths(scope: Scope) -> None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > MOST_PATH:
        raise Refused(414, f"an address may have {MOST_PATH} characters")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEADERS:
        raise Refused(431, f"headers may have {MOST_HEADERS} bytes")


def _check_doubts(scope: Scope, headers: Headers) -> None:
    """Refuses what two readers of one request may take for two different ones."""
    names = [name for name, _ in scope["headers"] if name in ONCE]
    both = b"content-length" in headers and b"transfer-encoding" in headers
    if both or len(names) > len(set(names)):
        raise Refused(400, "a header stands twice, or contradicts another")


async def _body(scope: Scope, headers: Headers, receive: Receive) -> bytes:
    """The body of a request that may have one; raises Refused where it is long or slow."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 9 or int(length) > MOST_BODY:
        raise Refused(413, f"a body may have {MOST_BODY} bytes")
    if scope["method"] in SAFE_METHODS:
        return b""
    try:
        return await asyncio.wait_for(_read(receive), BODY_S)
    except asyncio.TimeoutError:
        raise Refused(408, "the body took too long") from None


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BODY:
            raise Refused(413, f"a body may have {MOST_BODY} bytes")
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that gives a body that was read already, then goes on with the connection's."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _secured(send: Send, cookie: bytes | None) -> Send:
    """A send that adds the security headers, and the cookie if there is one."""

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = SECURITY if cookie is None else [*SECURITY, (b"set-cookie", cookie)]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return secured


def _same(given: bytes, expected: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given, expected.encode())


def _cookies(headers: Headers) -> dict[str, str]:
    pairs = headers.get(b"cookie", b"").decode("latin-1").split(";")
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def _host_name(host: str) -> str:
    """The name in a Host header, without its port and the brackets of IPv6; "" where it is none."""
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::\d{1,5})?", host)
    return (match[1] or match[2] or "").lower() if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
