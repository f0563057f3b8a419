"""Serving the stage: one page, its data, the sounds, and what the microphone hears."""

from __future__ import annotations

import signal
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hyper.model.files import ASSETS
from hyper.plots import palette
from hyper.recordings.manifest import ManifestError
from hyper.reports.fonts import font_files
from hyper.reports.templates import environment
from hyper.ui.about import NO_DEVICE
from hyper.ui.gate import Gate, own_names
from hyper.ui.languages import AskedLanguage, say, texts, tongue
from hyper.ui.port import ServerError
from hyper.ui.stage.preparation import LiveError, Preparation
from hyper.ui.stage.programme import programme

if TYPE_CHECKING:
    from starlette.requests import Request

    from hyper.compare.pipeline import PersonalizedAsr

FOLDER = Path(__file__).parent
PAGE = environment(FOLDER).get_template("stage.html.jinja", globals={"say": say, "NO_DEVICE": NO_DEVICE})
# The browser itself refuses whatever is not from here, and every script that a text might hide.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; img-src 'self'; media-src blob:"  # noqa: E501
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
COLOURS = {
    "back": palette.CARD,
    "front": palette.INK,
    "soft": palette.MUTED,
    "rule": palette.CONTROL_LINE,
    "base-tone": palette.BASE,
    "adapted-tone": palette.ADAPTED,
    "wrong-tone": palette.WARNING,
}


def present(
    load: Callable[[], PersonalizedAsr],
    places: Sequence[str | Path],  # of what is presented; none: the examples that belong to the model
    examples: Path,  # the manifest of the bundled pair's
    host: str,
    port: int,
    language: str | None = None,  # None: that which the browser asks for
) -> None:
    """Open the stage at once, load and compare behind it, and stay until interrupted."""
    try:
        preparation = Preparation(load, programme(places, examples))
    except ManifestError as error:
        raise ServerError(str(error)) from error
    for name in ("SIGTERM", "SIGHUP"):  # as Ctrl-C, so that temporary files go; Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    preparation.start()
    app = stage_app(preparation, host, language)
    _Server(uvicorn.Config(app, host, port, log_level="warning", timeout_graceful_shutdown=1)).run()


def stage_app(preparation: Preparation, host: str, language: str | None = None) -> Starlette:
    """The stage over what is prepared. The slides are at /slides, one address for how far it is and for the data."""

    async def page(_request: Request) -> Response:
        code = tongue().code
        return HTMLResponse(PAGE.render(language=code, texts=texts(code)), headers=HEADERS)

    async def slides(_request: Request) -> Response:
        return JSONResponse(preparation.status(), headers=HEADERS)

    async def sound(request: Request) -> Response:
        data = preparation.sound(request.path_params["number"])
        return Response(status_code=404) if data is None else Response(data, media_type="audio/wav", headers=HEADERS)

    async def live(request: Request) -> Response:
        try:
            slide = await run_in_threadpool(preparation.live, await request.body())
        except LiveError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse(slide, headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", page),
            *(Route(f"/{name}", _file(FOLDER / name)) for name in ("stage.js", "stage.drawing.js")),
            Route("/stage.css", _style),
            Route("/favicon.svg", _file(ASSETS / "favicon.svg")),
            *(Route(f"/{font.name}", _file(font)) for font in font_files()),
            Route("/slides", slides),
            Route("/sounds/{number:int}", sound),
            Route("/live", live, methods=["POST"]),
        ],
        middleware=[
            Middleware(Gate, hosts=own_names(host), is_gradio=False),
            Middleware(AskedLanguage, always=language),
        ],
    )


class _Server(uvicorn.Server):
    """Says where it is when it answers."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            print(f"HyperWhisper is ready at http://{host}:{self.config.port}/", flush=True)


def _file(path: Path) -> Callable[[Request], Any]:
    async def send(_request: Request) -> Response:
        return FileResponse(path, headers=HEADERS)

    return send


async def _style(_request: Request) -> Response:
    """Dark, unless the presenter's room asks for light."""
    dark = _variables({name: palette.NIGHT[colour] for name, colour in COLOURS.items()})
    colours = f"html {{ {dark} }}\nhtml[data-light] {{ {_variables(COLOURS)} }}\n"
    rules = (FOLDER / "stage.css").read_text(encoding="utf-8")
    return Response(colours + rules, media_type="text/css", headers=HEADERS)


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def _end(_signal: int, _frame: types.FrameType | None) -> None:
    sys.exit(0)
