"""Which visitors have a page, or a client, open: it holds a connection for as long."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from hyper.ui.open_routes import API, route_path

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HEARTBEAT = re.compile(f"{API}/heartbeat/([^/]+)")


class OpenPages:
    """By gradio's session. The event loop writes, others read."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def opened(self, session: str) -> None:
        """One more connection."""
        self._open[session] += 1

    def closed(self, session: str) -> None:
        """One less."""
        self._open[session] -= 1
        if not self._open[session]:
            del self._open[session]

    def sessions(self) -> set[str]:
        """Those with a connection."""
        return set(self._open)


class HeartbeatWatch:
    """An ASGI middleware that notes who is connected. Gradio tells only of those who leave."""

    def __init__(self, app: ASGIApp, pages: OpenPages) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = HEARTBEAT.fullmatch(route_path(scope)) if scope["type"] == "http" else None
        if found is None:
            return await self._app(scope, receive, send)
        self._pages.opened(found[1])
        try:
            await self._app(scope, receive, send)
        finally:
            self._pages.closed(found[1])
