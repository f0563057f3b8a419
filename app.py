"""The page: python app.py [--host 127.0.0.1] [--port 7860] [--base NAME_OR_FOLDER] [--hypernet FOLDER] [--any-model]"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr
from hyper.model.files import BUNDLED
from hyper.ui.home import without_home
from hyper.ui.kept import kept
from hyper.ui.port import ServerError, check_port
from hyper.ui.visitors.folder import open_folder

LANGUAGES = ("en", "de", "es", "it", "tr")  # those of hyper/ui/languages, whose import takes seconds
EXAMPLES = Path(__file__).resolve().parent / "examples" / "manifest.csv"


def main(arguments: list[str] | None = None) -> None:
    """Parse flags, load, build, launch."""
    args = parse(arguments)
    try:
        check_port(args.host, args.port)
        folder = open_folder()  # before gradio is imported, which makes a folder of its own in it
        if told := without_home(folder):
            print(told, file=sys.stderr)
        if args.present is not None:
            from hyper.ui.stage.server import present

            present(lambda: load_asr(with_base(args)), args.present, EXAMPLES, args.host, args.port, args.present_in)
            return
        with kept():
            from hyper.ui.server import serve  # gradio and torch take seconds to import: not for --help or a taken port

        based = with_base(args)
        model = {"load": lambda: load_asr(based), "name": based.base, "takes_any": args.any_model}
        is_delivered = based.base == BUNDLED and (args.hypernet, args.device, args.bits) == (None, None, None)
        serve(**model, examples=EXAMPLES, host=args.host, port=args.port, folder=folder, is_delivered=is_delivered)
    except ServerError as error:
        sys.exit(f"HyperWhisper cannot start: {error}")
    except KeyboardInterrupt:
        sys.exit(0)  # whoever ends it while it starts has asked for no trace of where it was


def with_base(args: argparse.Namespace) -> argparse.Namespace:
    """The same arguments; where they name no base, the best pair on this machine is chosen."""
    if args.base is not None:
        return args
    from hyper.model.pairs import best_base  # imports torch

    return argparse.Namespace(**{**vars(args), "base": BUNDLED if args.hypernet else best_base()})


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python app.py", description="One recording, two transcripts: base and adapted Whisper side by side."
    )
    # A Hugging Face Space says in gradio's own variables where it expects the page.
    host, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="address to listen on (default: %(default)s; 0.0.0.0: all)")
    parser.add_argument("--port", type=int, default=port, help="port to listen on (default: %(default)s)")
    add_model_arguments(parser, None, "the best pair on this machine; bundled with --hypernet")
    parser.add_argument(
        "--any-model",
        action="store_true",
        help="let whoever opens the page load folders and hub models by name; not where others can open it",
    )
    parser.add_argument(
        "--present",
        nargs="*",
        metavar="PATH",
        help="present on a full screen, by keyboard: the examples, or these recordings, folders or manifests",
    )
    parser.add_argument(
        "--present-in",
        choices=LANGUAGES,
        metavar="CODE",
        help=f"language of what is written on that screen: {', '.join(LANGUAGES)} (default: the browser's)",
    )
    args = parser.parse_args(arguments)
    if args.present_in and args.present is None:
        parser.error("--present-in is for --present; the page itself is in the browser's language")
    return args


if __name__ == "__main__":
    main()
