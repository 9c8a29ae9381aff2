"""Who may ask what, before anything else looks at a request; plain ASGI, so that it costs little.

A page of another site that a browser shows can send requests to 127.0.0.1, too. Three things stand against
that: the Host header must be this server's own name (a foreign name that resolves to 127.0.0.1 is DNS
rebinding), Origin and Sec-Fetch-Site must be its own, and bodies must be of a type that a form cannot send.
"""

import asyncio
import hmac
import time
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from khabar.serve._metrics import Metrics
from khabar.serve._problems import ProblemError
from khabar.serve.options import ServeOptions, is_loopback

UPLOAD: Final = "/v1/review/articles"
"""The one address that takes files."""

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Checks a request, reads its body within limits, and counts it.

    Args:
        app: What it stands before.
        options: Token, hosts and limits.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions, metrics: Metrics) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._running = 0
        self._token = None if options.token is None else options.token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        self._running += 1
        try:
            try:
                headers = Headers(scope=scope)
                self._check(scope, headers)
                body = await self._read(scope, headers, receive)
            except ProblemError as problem:
                await problem.response()(scope, receive, answer)
                return
            await self._app(scope, _replay(body, receive), answer)
        finally:
            self._running -= 1
            route = scope.get("route")
            path = getattr(route, "path", None) or "other"
            self._metrics.request(scope["method"], path, status, time.perf_counter() - started)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if self._running > self._options.max_requests:
            raise ProblemError(
                503, "busy", f"{self._running} requests are handled already; ask again.", retry_after=2
            )
        self._check_host(headers)
        self._check_origin(scope, headers)
        path: str = scope["path"]
        if self._token is not None and not is_open(path):
            kind, _, given = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self._token)
            if kind.lower() != "bearer" or not right:
                raise ProblemError(
                    401, "token", "this server needs its token; send it as Authorization: Bearer TOKEN."
                )
        if scope["method"] in _WRITING:
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            allowed = {"application/json"} | ({"multipart/form-data"} if path == UPLOAD else set())
            if kind not in allowed:
                raise ProblemError(
                    415,
                    "content_type",
                    f"the body is of type {kind or 'none'}, expected {' or '.join(sorted(allowed))}.",
                )

    def _check_host(self, headers: Headers) -> None:
        if not is_loopback(self._options.host):
            return  # here the token decides, which a foreign page does not have
        host = headers.get("host", "")
        name = _without_port(host).lower()
        if name not in _LOOPBACK_NAMES and name not in self._options.allowed_hosts:
            raise ProblemError(
                403,
                "host",
                f"this server is asked for as {host[:100]!r}, which is not its name; use http://127.0.0.1, "
                "or start it with --allowed-host for the name of a reverse proxy.",
            )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site")
        writing = scope["method"] in _WRITING
        foreign = origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        # A link on another site may open the page, which is reading; nothing of another site may write.
        if (foreign and (writing or origin != "null")) or (writing and site in ("cross-site", "same-site")):
            raise ProblemError(
                403, "origin", "requests of other sites are refused; use the server's own page."
            )

    async def _read(self, scope: Scope, headers: Headers, receive: Receive) -> bytes:
        upload = scope["path"] == UPLOAD and headers.get("content-type", "").startswith("multipart/")
        limit = self._options.max_upload_bytes if upload else self._options.max_body_bytes
        too_large = ProblemError(
            413,
            "too_large",
            f"the body has more than the {limit:,} bytes that are allowed; send less at once.",
        )
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._options.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ProblemError(400, "invalid", "the client went away.")
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_large
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise ProblemError(
                408, "slow", f"the body did not come within {self._options.body_seconds:g} seconds."
            ) from None


def is_open(path: str) -> bool:
    """Return whether an address is there without a token: the page itself, which holds no data."""
    return path in ("/", "/healthz", "/favicon.ico") or path.startswith("/static/")


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body that was read, then what comes later: the client's leaving."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
