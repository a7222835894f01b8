"""The commands ``train`` and ``evaluate``."""

import argparse
from functools import partial
from pathlib import Path

from topformer_viz.terminal.console import Commands
from topformer_viz.terminal.training.card import evaluate, write
from topformer_viz.terminal.training.data import Photographs
from topformer_viz.terminal.training.train import said, train


def add(commands: Commands) -> None:
    parser = commands.add_parser("train", help="train TopFormer tiny to segment labelled photographs")
    parser.add_argument("--data", required=True, help="folder of splits.json, images/ and labels/ (see the README)")
    parser.add_argument("--out", required=True, help="the .safetensors file to write")
    parser.add_argument("--steps", type=int, default=4200, help="optimiser steps (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="draws the first parameters and every crop (default 0)")
    parser.add_argument("--trunk", help="a network whose token pyramid to begin with: as --model takes it elsewhere")
    parser.add_argument("--teacher", help="folder of what another network computes of each image, to be learned, too")
    parser.set_defaults(run=partial(run, parser))
    parser = commands.add_parser("evaluate", help="measure the bundled network on val and write its card")
    parser.add_argument("--data", required=True, help="the folder it was trained on")
    parser.set_defaults(run=run_evaluate)


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.steps < 1 or not 0 <= options.seed < 2**31:
        parser.error("--steps must be at least 1, and --seed from 0 to 2147483647")
    data, teacher = Photographs(options.data), options.teacher and Path(options.teacher)
    found = train(data, Path(options.out), steps=options.steps, seed=options.seed, trunk=options.trunk, teacher=teacher)
    print(said(found, data))
    return 0


def run_evaluate(options: argparse.Namespace) -> int:
    print(*write(evaluate(Photographs(options.data))), sep="\n")
    return 0
