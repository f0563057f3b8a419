"""Starting the page: safe settings, one line when it is ready."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from hyper.model.checkpoint import CheckpointError
from hyper.model.delivered import check_delivered
from hyper.model.files import BUNDLED, BackboneError, find_folder
from hyper.model.own_thread import in_own_thread
from hyper.model.pairs import hub_bases, other_forms
from hyper.recordings.limits import LIMITS, AudioError
from hyper.recordings.manifest import ManifestError
from hyper.ui.examples import read_all_examples
from hyper.ui.gate import LOCAL_HOSTS, Gate, own_names
from hyper.ui.gpu import IS_SHARED_GPU
from hyper.ui.kept import kept
from hyper.ui.languages import i18n
from hyper.ui.languages.document import DocumentLanguage
from hyper.ui.link_preview import LinkPreview
from hyper.ui.model_store import ModelStore
from hyper.ui.page import build_page, service_of
from hyper.ui.port import ServerError, is_public
from hyper.ui.queues import MOST_THREADS
from hyper.ui.sentences import Sentences
from hyper.ui.theme import ICON_FILE, page_css, page_theme
from hyper.ui.tried_examples import TriedExamples
from hyper.ui.visitors.ending import end_as_by_ctrl_c
from hyper.ui.visitors.janitor import Absent, start_janitor
from hyper.ui.visitors.open_pages import HeartbeatWatch, OpenPages
from hyper.ui.visitors.own_files import guard_uploads
from hyper.ui.warm_up import warm_up

if TYPE_CHECKING:
    import gradio as gr

    from hyper.compare.pipeline import PersonalizedAsr

MAKE_BUNDLED = (
    "Make the bundled pair with `python -m hyper train-base` and `python -m hyper train`, "
    "or start another Whisper with --base."
)
START_BUNDLED = f"With --base {BUNDLED} the page starts on the bundled pair."
ANSWER_SECONDS = 5.0  # for answers that are on their way when the page ends by itself
MOST_SESSIONS = 200  # open pages whose state is held in memory, 0.2 MB each; the one not used for longest goes first


def launch_options(host: str, port: int, pages: OpenPages | None = None) -> dict[str, Any]:
    """How the page is served. What gradio leaves open by default is closed here: recordings are patients' voices.

    `pages`, where somebody asks which are open.
    """
    guard_uploads()
    return {
        "server_name": host,
        "server_port": port,
        "share": False,  # no tunnel to the outside
        "run_history": False,  # no copies of inputs and results in the browser
        "enable_monitoring": False,  # no page with everybody's requests
        "max_file_size": LIMITS.file_bytes,
        "strict_cors": True,
        "app_kwargs": {
            "middleware": [
                Middleware(Gate, hosts=own_names(host)),
                Middleware(Sentences),
                Middleware(HeartbeatWatch, pages=pages or OpenPages()),
                Middleware(LinkPreview),
                Middleware(DocumentLanguage),
            ]
        },
        "i18n": i18n(),
        "state_session_capacity": MOST_SESSIONS,
        "max_threads": MOST_THREADS,
        "ssr_mode": False,  # would start a second server
        "pwa": False,
        "mcp_server": False,
        "show_error": False,  # no internals of an unexpected error on the page
        "footer_links": ["api"],
        "theme": page_theme(),
        "css": page_css(),
        "favicon_path": ICON_FILE,
        "quiet": True,
        "prevent_thread_lock": True,
    }


def serve(
    load: Callable[[], PersonalizedAsr],
    name: str,
    examples: Path,
    host: str,
    port: int,
    folder: Path,
    takes_any: bool = False,
    is_delivered: bool = False,
) -> None:
    """Load the model once, open the page, say where it is, and stay until interrupted.

    `folder` is this start's own, for what visitors send. `takes_any`: visitors may name folders and hub models; never
    on a public page. `is_delivered`: the model is the pair that came with the program; what must be known of it before
    the page is open is known, and it is loaded beside it.
    """
    if not IS_SHARED_GPU:  # there nothing is computed in this process
        load = partial(in_own_thread, load)
    try:
        with kept():
            if is_beside := is_delivered and not IS_SHARED_GPU:
                check_delivered(find_folder(BUNDLED)[0], BackboneError)
            asr = None if is_beside else load()
            takes_any = _may_name_models(takes_any, host)
            models = ModelStore(asr, name, load_by_name, takes_any, frozenset(hub_bases()), other_forms())
            service = service_of(models)
            tried = TriedExamples(service, read_all_examples(examples))
            demo = build_page(service, tried)
        end_as_by_ctrl_c()
        pages = OpenPages()
        local_url = _launched(demo, host, port, pages)
        start_janitor(demo, folder, Absent(demo, service, pages))
        if asr is None:
            asr = _arrived(load, models, demo)
    except (AudioError, BackboneError, CheckpointError, ManifestError) as error:  # AudioError: of an example
        raise ServerError(f"{error}{_hint(name, error)}") from error
    if not IS_SHARED_GPU:  # there the GPU is borrowed for a request, and for nothing else
        in_own_thread(partial(warm_up, asr, name, next((each.path for each in tried.listed(name)), None)))
        tried.start(name)
    print(f"HyperWhisper is ready at {local_url}", flush=True)
    demo.block_thread()


def _may_name_models(takes_any: bool, host: str) -> bool:
    """Whether visitors may; where that was asked for of a public page, it is said that they may not."""
    if takes_any and is_public(host):
        print("--any-model is left out: others can open this page, who may load no models by name.", file=sys.stderr)
        return False
    return takes_any


def _arrived(load: Callable[[], PersonalizedAsr], models: ModelStore, demo: gr.Blocks) -> PersonalizedAsr:
    """The first model, for whoever waits for it; without it they are told why, and the page is closed."""
    try:
        with kept():
            asr = load()
    except (BackboneError, CheckpointError) as error:
        why = ServerError(f"{error}{_hint(models.first_name, error)}")
        models.never_comes(why)
        _wait_for_answers(demo)
        demo.close(verbose=False)
        raise why from error
    models.arrived(asr)
    return asr


def _wait_for_answers(demo: gr.Blocks) -> None:
    """Until each request in gradio's line has its answer, or too long for anybody."""
    end = time.monotonic() + ANSWER_SECONDS
    while any(list(demo._queue.pending_event_ids_session.values())) and time.monotonic() < end:
        time.sleep(0.05)


def _hint(name: str, error: ValueError) -> str:
    """What helps where a model cannot be loaded."""
    if name == BUNDLED:
        return f" {MAKE_BUNDLED}" if isinstance(error, BackboneError) else ""
    return f" {START_BUNDLED}" if isinstance(error, (BackboneError, CheckpointError)) else ""


def _launched(demo: gr.Blocks, host: str, port: int, pages: OpenPages) -> str:
    """The address at which the page answers. Errors: ServerError where it does not, whatever gradio raises then."""
    try:
        with _without_proxy(host):
            return demo.launch(**launch_options(host, port, pages))[1]
    except Exception as error:
        demo.close(verbose=False)
        raise ServerError(
            f"the page did not answer at {host}, port {port}; the computer may be too busy, another program may have "
            "taken the port, or a proxy setting keeps it from itself. Please start it again."
        ) from error


@contextmanager
def _without_proxy(host: str) -> Iterator[None]:
    """Gradio asks its own page whether it is there: in a network with a proxy the proxy would be asked, in vain.

    What is set for the network is as it was afterwards, for models that are downloaded.
    """
    names = ("no_proxy", "NO_PROXY")
    before = {name: os.environ[name] for name in names if name in os.environ}
    own = next(iter(before.values()), "")
    for name in names:
        os.environ[name] = own if own.strip() == "*" else ",".join(filter(None, (own, *LOCAL_HOSTS, host)))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name)
        os.environ.update(before)


def load_by_name(name: str, hypernet: str | None = None) -> PersonalizedAsr:
    """A model that a visitor chose, with its hypernetwork if there is one; refused where memory is too short for it."""
    from hyper.compare.pipeline import PersonalizedAsr
    from hyper.model.info import check_room

    check_room(name, hypernet)
    return in_own_thread(partial(PersonalizedAsr.load, base=name, hypernet=hypernet))
