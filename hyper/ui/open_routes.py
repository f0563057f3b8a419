"""Which of gradio's routes are open: those that the page, and programs that call it (docs/api.md), use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

API = "/gradio_api"
UPLOAD_ROUTE = f"{API}/upload"
FILE_ROUTE = f"{API}/file="
CANCEL_ROUTE = f"{API}/cancel"
ONE = "[^/]+"  # name or number in a path
READ = (  # by GET, or HEAD
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/pwa_icon|/robots\.txt|/link-preview\.png",
    "/(assets|static)/.+",
    f"{API}/(info|app_id|startup-events|queue/data|upload_progress)",
    f"{API}/heartbeat/{ONE}",
    f"{FILE_ROUTE}.+",
    f"{API}/call/(v2/)?{ONE}/{ONE}",
)
SENT = (  # by POST
    f"{API}/(upload|queue/join|cancel|reset)",
    f"{API}/(run|call|call/v2)/{ONE}",
)
JOIN_ROUTES = re.compile(f"{API}/(queue/join|(run|call|call/v2)/{ONE})")
STREAM_ROUTES = re.compile(f"{API}/(queue/data|call/(v2/)?{ONE}/{ONE})")
OPEN = {"GET": re.compile("|".join(READ)), "POST": re.compile("|".join(SENT))}


def is_open(method: str, path: str) -> bool:
    """Whether such a request is answered. What gradio has beside these keeps files of visitors, fetches addresses, or
    runs programs for anybody."""
    routes = OPEN.get("GET" if method == "HEAD" else method)
    return routes is not None and routes.fullmatch(path) is not None


def route_path(scope: Scope) -> str:
    """The path that routes are found by: what a proxy puts before it is taken off."""
    path, before = scope["path"], scope.get("root_path", "")
    return path.removeprefix(before) if path.startswith(f"{before}/") else path
