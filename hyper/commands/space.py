"""`python -m hyper space`: write the folder that is pushed to a Hugging Face Space."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper space`."""
    parser.add_argument("out", type=Path, metavar="FOLDER", help="new or empty folder to write")
    parser.epilog = "examples:\n  python -m hyper space runs/space\n\nPush it with git and git-lfs installed."


def run(args: argparse.Namespace) -> None:
    """Write the folder, say where it is."""
    from hyper.ui.space_folder import write_space

    write_space(args.out)
    print(f"written    {args.out}/: ready to push to a Space")
