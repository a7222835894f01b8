"""The network alone: a forward pass as written, the inference copy, and the inference copy traced."""

import statistics
from functools import partial

import torch

from topformer_viz.network.colour import Model
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import SIZES
from topformer_viz.network.samples import open_sample
from topformer_viz.network.weights import load_model
from topformer_viz.run.inference import best_device, inference_copy, run
from topformer_viz.run.tracing import trace
from topformer_viz.terminal.bench.table import Cell, Table
from topformer_viz.terminal.bench.timing import interleaved, ratio

SIDE = 512
ROUNDS = 41


def measure(quick: bool = False) -> list[Table]:
    """Each size on the CPU and, where there is a graphics card, on that: a row each."""
    rows: list[tuple[Cell, ...]] = []
    photo = to_tensor(open_sample("china").resize((SIDE, SIDE)))
    for size in list(SIZES)[: 1 if quick else None]:
        for device in dict.fromkeys((torch.device("cpu"), best_device())):
            model, x = load_model(size).to(device), photo.to(device)

            def as_written(model: Model = model, x: torch.Tensor = x) -> None:
                with torch.no_grad():
                    model(x)
                if x.device.type != "cpu":  # a graphics card hands back before it has computed
                    getattr(torch, x.device.type).synchronize()

            times = interleaved(
                {
                    "as written": as_written,
                    "inference": partial(run, inference_copy(model, device), x),
                    "traced": partial(trace, model, x),
                },
                2 if quick else ROUNDS,
            )
            medians = [statistics.median(seconds) * 1000 for seconds in times.values()]
            faster = ratio(times["as written"], times["traced"])
            name = size if device.type == "cpu" else f"{size}, {device.type}"
            rows.append((name, *medians, faster, ratio(times["traced"], times["inference"])))
    return [
        Table(
            f"Forward pass at {SIDE} × {SIDE}",
            ("model", "as written, ms", "inference copy, ms", "traced, ms", "written / traced", "traced / inference"),
            rows,
            f"Medians on {torch.get_num_threads()} threads of the CPU, and on the graphics card where a row names it. The baseline is a plain port: the model as "
            "written, in eval mode. The inference copy is channels last with BatchNorm folded outside the attention; "
            "traced, it keeps and checks every tensor, as the app does.",
        )
    ]
