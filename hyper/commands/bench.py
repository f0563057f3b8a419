"""`python -m hyper bench`: what a comparison costs, stage by stage and beside the alternatives."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyper.commands.arguments import add_model_arguments, load_asr, positive

SHAPES = ("tiny", "base", "small", "medium", "large-v3-turbo", "large-v3")

EXAMPLES = """\
examples:
  python -m hyper bench
  python -m hyper bench talk.wav --base openai/whisper-small --hypernet runs/hypernet-small
  python -m hyper bench --json runs/bench.json
  python -m hyper bench --scale runs/scaling
  python -m hyper bench --gpu-suite --json runs/gpu.json
  python -m hyper bench --gpu-suite --shapes large-v3 --device cpu --quick          # the whole shape, slowly

what is compared, all on the same recordings, one after the other in each round:
  base alone             encode, decode one row
  two rows               encode, generate LoRA, decode base and adapted as two rows of one batch: what `compare` does
  two passes with PEFT   encode, decode with the adapter off, generate LoRA, swap it in, decode again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m hyper bench`."""
    add = parser.add_argument
    add("files", nargs="*", type=Path, metavar="FILE", help="recordings to measure on (default: those in examples/)")
    add("--rounds", type=positive, default=5, metavar="N", help="times each way is run (default: 5)")
    add(
        "--json",
        metavar="FILE",
        type=Path,
        help="also measure batches, memory and what visitors of the page wait for; write all with its bar to this file",
    )
    add("--quick", action="store_true", help="fewer clips, comparisons and settings for --json and --scale")
    add("--scale", nargs="?", type=Path, const=Path("assets/results"), metavar="FOLDER", help="measure instead how the cost grows with length, model size, rank and adapted layers, and write numbers, table and figure there (default: assets/results)")  # noqa: E501  # fmt: skip
    add("--gpu-suite", action="store_true", help="measure the published shapes with random weights instead; without a GPU every row says so, unless --device names another")  # noqa: E501  # fmt: skip
    add("--shapes", nargs="+", default=SHAPES, metavar="NAME", help=f"shapes of --gpu-suite (default: {' '.join(SHAPES)})")  # noqa: E501  # fmt: skip
    add_model_arguments(parser)
    parser.epilog = EXAMPLES


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    from hyper.compare.bench_page import model_arguments
    from hyper.compare.bench_rows import bench_rows, gpu_rows, page_rows, rows_text, write_rows
    from hyper.compare.benchmark import as_text, measured_files, run_benchmark
    from hyper.compare.scaling import QUICK, Extent
    from hyper.recordings.audio import load_audio
    from hyper.study.scaling import write_scaling
    from hyper.training.gpu_suite import run_suite

    if args.gpu_suite:
        run_suite(args.shapes, args.device, args.quick, args.json)
        return
    asr = load_asr(args)
    if args.scale:
        print(f"wrote {write_scaling(asr, measured_files(args.files), QUICK if args.quick else Extent(), args.scale)}")
        return
    found = run_benchmark(asr, args.files, args.rounds)
    print(as_text(found), flush=True)
    if args.json:
        files, model = measured_files(args.files), model_arguments(args.base, args.hypernet, args.device, args.bits)
        rows = list(bench_rows(asr, found, [load_audio(file) for file in files], args.quick))
        rows += [*page_rows(asr, files, model, args.quick), *gpu_rows()]
        write_rows(rows, args.json)
        print(f"\nbars\n{rows_text(rows)}")
