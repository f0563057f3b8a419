"""The page as it is sent, with a script that has gradio look its texts up, in Italian too, and names its language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from hyper.model.files import ASSETS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = b"<script>" + (ASSETS / "language.js").read_bytes() + b"</script>\n"
BEFORE = b"</head>"  # after gradio's settings, before the modules that read them


class DocumentLanguage:
    """An ASGI middleware that adds the script to the page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        await self._app(scope, receive, _with_script(send) if is_page else send)


def _with_script(send: Send) -> Send:
    """Sends the page, which comes in one piece, with the script in its head."""

    async def send_page(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-length"] = str(int(headers["content-length"]) + len(SCRIPT))
        elif BEFORE in message["body"]:
            message["body"] = message["body"].replace(BEFORE, SCRIPT + BEFORE, 1)
        await send(message)

    return send_page
