"""Sentences to programs, where gradio answers with a number, with null or with a broken connection."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from gradio.route_utils import FnIndexInferError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from hyper.ui.languages import first_language, translated
from hyper.ui.open_routes import CANCEL_ROUTE, JOIN_ROUTES, STREAM_ROUTES, route_path

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ENDPOINT = "There is no endpoint of this name; docs/api.md lists those that there are."
NOT_TAKEN = "This could not be answered; please compare what was sent with docs/api.md."
CROWD = "Too many visitors are here at once: {n} requests are waiting already; please try again in a minute."
FULL = re.compile(r"Queue is full\. .* size is (\d+)\.")  # gradio's own
UNAVAILABLE, TOO_MANY = (
    503,
    429,
)  # gradio's page shows an English text of its own for the first, for others the answer's
NULL = b'data: {"error": null}'  # gradio's, where something else than a notice went wrong


class Sentences:
    """An ASGI middleware around gradio."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path, language = route_path(scope), first_language(Headers(scope=scope))
        if scope["method"] == "POST" and JOIN_ROUTES.fullmatch(path):
            return await self._join(language, scope, receive, send)
        if scope["method"] == "GET" and STREAM_ROUTES.fullmatch(path):
            return await self._stream(language, scope, receive, send)
        if scope["method"] == "POST" and path == CANCEL_ROUTE:
            return await self._cancel(scope, receive, send)
        await self._app(scope, receive, send)

    async def _cancel(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What ended by itself meanwhile is ended, though gradio, which looks for it a second time, raises then."""
        try:
            await self._app(scope, receive, send)
        except KeyError:
            await JSONResponse({"success": True})(scope, receive, send)

    async def _join(self, language: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that is to be worked on: refused where its line is full, or where gradio cannot read it."""
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer)
        except (FnIndexInferError, LookupError, TypeError, ValueError) as error:  # nothing has been worked on yet
            if _is_of_name(error, route_path(scope)):
                return await _answer(NO_ENDPOINT, 404, language)(scope, receive, send)
            logging.getLogger(__name__).warning("A request was not understood: %r", error)
            return await _answer(NOT_TAKEN, 400, language)(scope, receive, send)
        if found := FULL.search(answer.refusal):
            return await _answer(CROWD.format(n=found[1]), TOO_MANY, language)(scope, receive, send)
        await answer.send_refusal()

    async def _stream(self, language: str, scope: Scope, receive: Receive, send: Send) -> None:
        """An answer as it comes, event by event; one of nobody's ends as others do."""
        sentence = json.dumps({"error": translated(NOT_TAKEN, language)}).encode()

        async def say(message: Message) -> None:
            if message["type"] == "http.response.body" and NULL in message.get("body", b""):
                message["body"] = message["body"].replace(NULL, b"data: " + sentence)
            await send(message)

        try:
            await self._app(scope, receive, say)
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Answer:
    """Passes an answer on, but for a refusal, which is held back: it may be said better."""

    def __init__(self, send: Send) -> None:
        self._send, self._body = send, b""
        self._held: list[Message] = []

    async def __call__(self, message: Message) -> None:
        if self._held or message.get("status") == UNAVAILABLE:
            self._held.append(message)
            self._body += message.get("body", b"")
        else:
            await self._send(message)

    @property
    def refusal(self) -> str:
        """What is held back, as text; empty where nothing is."""
        return self._body.decode(errors="replace")

    async def send_refusal(self) -> None:
        """As it came."""
        for message in self._held:
            await self._send(message)


def _is_of_name(error: Exception, path: str) -> bool:
    """Whether there is no endpoint of the name in the path; gradio looks it up with a stroke before it."""
    return isinstance(error, FnIndexInferError) or error.args == (f"/{path.rsplit('/', 1)[1]}",)


def _answer(text: str, status: int, language: str) -> JSONResponse:
    """As gradio says why a request is refused: its own clients show `detail`."""
    return JSONResponse({"detail": translated(text, language)}, status_code=status)
