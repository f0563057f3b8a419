"""Which requests reach the page: its own host's and origin's, by open routes, none that has it fetch an address."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketClose

from hyper.recordings.whole_files import NO_ROOM
from hyper.ui.languages import first_language, translated
from hyper.ui.open_routes import FILE_ROUTE, UPLOAD_ROUTE, is_open, route_path
from hyper.ui.port import is_public

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
MAX_BODY_BYTES = 8_000_000  # of a request other than an upload; the longest list with its table takes a tenth
MOST_PARTS = 100_000  # lists and objects in a request: reading millions would hold everybody up for seconds
DISK_FULL = "The disk of this computer is full, so the file could not be taken; please tell who runs this page."
FETCHES_NOTHING = "This page fetches nothing from other addresses; please upload the file."
NOT_JSON = "The request cannot be read; please send JSON."
NOTHING_HERE = "There is nothing at this address."
ADDRESS = re.compile(r"\W*(https?|ftp):", re.I)


def own_names(host: str) -> set[str] | None:
    """The names by which a page at this address may be asked for; None, for a public one: by every name."""
    return None if is_public(host) else {*LOCAL_HOSTS, host}


class Gate:
    """An ASGI middleware. Without it gradio fetches public addresses for anybody, and answers to any host name, so
    that a page in the visitor's browser could reach this machine's by a name that it lets point here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None, is_gradio: bool = True) -> None:
        """`hosts` are the names that the page is asked for by; None, for a public page, lets every name through.

        `is_gradio`: what is behind the gate has gradio's routes, of which some are open, and fetches addresses.
        """
        self._app, self._hosts, self._is_gradio = app, hosts, is_gradio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks it
            return await WebSocketClose()(scope, receive, send)
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers, path = Headers(scope=scope), route_path(scope)
        refusal, status = self._refused(path, headers), 403
        if refusal is None and self._is_gradio and not is_open(scope["method"], path):
            refusal, status = NOTHING_HERE, 404
        if refusal is not None or (scope["method"] == "POST" and path != UPLOAD_ROUTE):
            body = await _body(receive)  # who is still sending does not hear the answer
            refusal = refusal or self._refused_body(body)
            receive = _again(body, receive)
        if refusal is not None:
            return await _answer(refusal, status, headers)(scope, receive, send)
        await self._pass_on(path, scope, receive, send)

    async def _pass_on(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """What the page answers; files are kept in no cache, and a full disk is said."""
        sent = _Sent(receive)
        try:
            await self._app(scope, sent, _unstored(send) if path.startswith(FILE_ROUTE) else send)
        except OSError as error:
            if error.errno not in NO_ROOM or path != UPLOAD_ROUTE:
                raise
            await sent.read_to_its_end()  # to be heard, as above
            await _answer(DISK_FULL, 507, Headers(scope=scope))(scope, receive, send)

    def _refused(self, path: str, headers: Headers) -> str | None:
        """Why a request is not answered, whatever is in it; None where it is."""
        if path.startswith(FILE_ROUTE) and _is_address(path.removeprefix(FILE_ROUTE)):
            return FETCHES_NOTHING
        if self._hosts is None:
            return None
        host, origin = headers.get("host", ""), headers.get("origin")
        for name in (_host(f"//{host}"), None if origin is None else _host(origin)):
            if name is not None and name not in self._hosts:
                return f"This page is for this computer only, and was asked for as {name[:100]!r}."
        return None

    def _refused_body(self, body: bytes | None) -> str | None:
        """Why what was sent is not worked on: too long, or a file that lies at an address."""
        if body is None:
            return f"The request is longer than {MAX_BODY_BYTES // 1_000_000} MB; please send less text at once."
        if not self._is_gradio:
            return None
        if body.count(b"[") + body.count(b"{") > MOST_PARTS:
            return NOT_JSON
        try:
            sent = json.loads(body)  # as gradio reads it, so that nothing is another thing to it
        except (ValueError, RecursionError):
            return NOT_JSON
        return FETCHES_NOTHING if _names_an_address(sent) else None


def _answer(text: str, status: int, headers: Headers) -> PlainTextResponse:
    """What the page shows of it, in the language that was asked for."""
    return PlainTextResponse(translated(text, first_language(headers)), status_code=status)


def _host(address: str) -> str:
    """The host of an address, without port and brackets; "" where it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_address(text: str) -> bool:
    return ADDRESS.match(text) is not None


class _Sent:
    """A request's body as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._has_more = receive, True

    async def __call__(self) -> Message:
        message = await self._receive()
        self._has_more = message.get("more_body", False)
        return message

    async def read_to_its_end(self) -> None:
        """What is left of it, unused."""
        while self._has_more:
            await self()


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too long."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes | None, receive: Receive) -> Receive:
    """The body as it came, then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _names_an_address(sent: Any) -> bool:
    """Whether any file in it has an address in place of a path."""
    waiting = [sent]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and _is_address(path):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _unstored(send: Send) -> Send:
    """The answer is kept in no cache, neither the browser's nor a proxy's."""

    async def send_unstored(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Cache-Control"] = "no-store"
        await send(message)

    return send_unstored
