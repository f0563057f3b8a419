"""Starting the page: a free port, safe settings, one line when it is ready."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyper.audio import MAX_SECONDS
from hyper.backbone import BackboneError
from hyper.manifest import ManifestError
from hyper.ui.examples import read_examples
from hyper.ui.page import build_demo
from hyper.ui.shelf import ModelShelf
from hyper.ui.theme import ICON_FILE, page_css, page_theme

if TYPE_CHECKING:
    from hyper.pipeline import PersonalizedAsr

MAX_FILE_BYTES = MAX_SECONDS * 44_100 * 2 * 2  # the longest recording that is taken, as 16-bit stereo of CD rate


class ServerError(RuntimeError):
    """The page cannot be started; the message says why and what to do."""


def check_port(host: str, port: int) -> None:
    """Find out before the models are loaded that another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # a port that a program has just left is free; on Windows the option means another thing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ServerError(_port_text(host, port, error)) from error


def launch_options(host: str, port: int) -> dict[str, Any]:
    """How the page is served. What gradio leaves open by default is closed here: recordings are patients' voices."""
    return {
        "server_name": host,
        "server_port": port,
        "share": False,  # no tunnel to the outside
        "run_history": False,  # no copies of inputs and results in the browser
        "enable_monitoring": False,  # no page with everybody's requests
        "max_file_size": MAX_FILE_BYTES,
        "strict_cors": True,
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


def serve(load: Callable[[], PersonalizedAsr], name: str, examples: Path, host: str, port: int) -> None:
    """Load the model once, open the page, say where it is, and stay until interrupted."""
    try:
        asr = load()
        demo = build_demo(ModelShelf(asr, name, load_by_name), read_examples(examples))
    except (BackboneError, ManifestError) as error:
        raise ServerError(str(error)) from error
    _, local_url, _ = demo.launch(**launch_options(host, port))
    print(f"HyperWhisper is ready at {local_url}", flush=True)
    demo.block_thread()


def load_by_name(name: str) -> PersonalizedAsr:
    """A model that a visitor chose, with its hypernetwork if there is one."""
    from hyper.pipeline import PersonalizedAsr

    return PersonalizedAsr.load(base=name)


def _port_text(host: str, port: int, error: OSError | OverflowError) -> str:
    """What is wrong with the address."""
    if isinstance(error, OverflowError):
        return f"port {port} does not exist; choose one from 1024 to 65535 with --port."
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program; stop that one, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"port {port} needs an administrator's rights; choose one from 1024 to 65535 with --port."
    return f"{host} is not an address of this computer ({error.strerror}); choose another with --host."
