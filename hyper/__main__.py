"""The command line: `python -m hyper COMMAND`, one door to every command.

How a command joins: one row in COMMANDS, and a file of its name in `hyper/commands/`, which
- offers `add_arguments(parser: argparse.ArgumentParser) -> None`, which may also set `parser.epilog`
  (examples, kept line by line), and `run(args: argparse.Namespace) -> None`: one block of imports, one call into the
  package that does the work;
- importing the file is cheap: torch, transformers, librosa and plotting come in inside `run`, so that `--help`
  answers at once;
- what the user did wrong is raised as the package's own `ValueError` (`class SpeechError(ValueError)`) with one
  sentence; it becomes one line on stderr and exit code 1. So does an `OSError`. Any other exception is our own slip
  and keeps its traceback.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

COMMANDS = {
    "compare": "transcribe one recording with base and adapted Whisper, side by side",
    "speaker": "adapt to one speaker from several recordings, beside each by itself",
    "export": "write what adapts to one recording as a PEFT adapter or merged Whisper",
    "evaluate": "score a manifest of recordings: WER and CER, base and adapted, per group",
    "story": "tell recordings with sound, transcripts and plots on one page to hand out",
    "figure": "write a plot of the results, or of one recording, for slides",
    "corpus": "turn a corpus of recordings, as it comes, into a manifest",
    "space": "write the folder that is pushed to a Hugging Face Space",
    "bench": "measure stage times, and what comparing costs beside the alternatives",
    "make-speech": "synthesise typical speech of many synthetic speakers",
    "simulate": "turn typical recordings into simulated atypical ones",
    "distort": "let recordings be heard through other rooms and microphones",
    "train-base": "train a small Whisper from scratch",
    "align": "find word times in real speech and cut it into short pieces",
    "train": "train a hypernetwork for a frozen Whisper",
    "pair": "make a hypernetwork for any Whisper from recordings, start to finish",
    "methods": "train every alternative on the same data, in one table",
    "personal": "compare a recording's own weights with those of others",
    "calibrate": "fit how sure each word is to how often such words are right",
    "experiment": "answer research questions with arms trained like the methods",
    "results": "draw figures and results page from what was measured",
    "reproduce": "run the whole study from nothing, step by step",
    "make-examples": "make the recordings that the app offers as examples",
    "make-map": "map the training speakers' voices: where a recording lies among them",
    "scorecard": "evaluate the bundled pair on every held-out set, in one table",
}

DESCRIPTION = "Base Whisper and hypernetwork-adapted Whisper on the same recording."

EXAMPLES = """\
examples:
  python -m hyper compare talk.wav --reference "turn on the lights in the kitchen"
  python -m hyper evaluate examples/manifest.csv --json runs/examples.json
  python -m hyper compare talk.m4a --base openai/whisper-small --language de --json
  python -m hyper COMMAND --help        arguments, their units and examples of one command
"""


# Written lines stay as they are; the arguments' column is wide enough for the longest command and option.
PageFormatter = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=30, width=120)


def module_of(command: str) -> str:
    """Where the command's code lives."""
    return f"hyper.commands.{command.replace('-', '_')}"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows the arguments)\n")


def _command_list() -> str:
    """Every command with its summary, in two columns (argparse's own list breaks the line after a longer name)."""
    width = max(map(len, COMMANDS))
    return "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())


def build_parser(command: str | None) -> Parser:
    """The whole help page; only the module of `command` is imported."""
    parser = Parser(
        prog="python -m hyper",
        description=DESCRIPTION,
        epilog=f"commands:\n{_command_list()}\n\n{EXAMPLES}",
        formatter_class=PageFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, help="one of those below")
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=PageFormatter,
        )
        if name == command:
            module = importlib.import_module(module_of(name))
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def is_users(error: Exception) -> bool:
    """Whether the message is written for the user: our own error classes, or a file that cannot be read or written."""
    ours = isinstance(error, ValueError) and type(error).__module__.startswith("hyper.")
    return ours or isinstance(error, OSError)


def one_line(error: Exception) -> str:
    """The error as one sentence on one line."""
    if isinstance(error, OSError) and error.filename is not None:
        hint = "; please check its name and folder" if isinstance(error, FileNotFoundError) else ""
        return f"{error.filename}: {error.strerror}{hint}"
    return " ".join(str(error).split())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv:
        argv = ["--help"]
    args = build_parser(argv[0]).parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt:
        print(f"hyper {args.command}: interrupted", file=sys.stderr)
        return 130  # the shell's code for SIGINT
    except Exception as error:
        if not is_users(error):
            raise
        print(f"hyper {args.command}: {one_line(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
