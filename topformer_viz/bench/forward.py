"""The network alone: a forward pass as written, the inference copy, and the inference copy traced."""

import statistics
from functools import partial

import torch

from topformer_viz.bench.table import Cell, Table
from topformer_viz.bench.timing import interleaved, ratio
from topformer_viz.images import open_sample, to_tensor
from topformer_viz.model import SIZES
from topformer_viz.tracing import Model, best_device, inference_copy, run, trace
from topformer_viz.weights import load_model

SIDE = 512
ROUNDS = 41


def measure(quick: bool = False) -> list[Table]:
    rows: list[tuple[Cell, ...]] = []
    device = best_device()
    image = to_tensor(open_sample("china").resize((SIDE, SIDE)))
    for size in list(SIZES)[: 1 if quick else None]:
        model = load_model(size).to(device)
        x = image.to(device)
        fast = inference_copy(model, device)

        def as_written(model: Model = model, x: torch.Tensor = x) -> None:
            with torch.no_grad():
                model(x)

        times = interleaved(
            {"as written": as_written, "inference": partial(run, fast, x), "traced": partial(trace, model, x)},
            2 if quick else ROUNDS,
        )
        medians = [statistics.median(seconds) * 1000 for seconds in times.values()]
        faster = ratio(times["as written"], times["traced"])
        rows.append((size, *medians, faster, ratio(times["traced"], times["inference"])))
    return [
        Table(
            f"Forward pass at {SIDE} × {SIDE}",
            ("model", "as written, ms", "inference copy, ms", "traced, ms", "written / traced", "traced / inference"),
            rows,
            f"Medians on {torch.get_num_threads()} threads ({device.type}). The baseline is a plain port: the model as "
            "written, in eval mode. The inference copy is channels last with BatchNorm folded outside the attention; "
            "traced, it keeps and checks every tensor, as the app does.",
        )
    ]
