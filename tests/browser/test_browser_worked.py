"""An image through the network in a browser and on to what pages are told, beside Python's: network and numbers together."""

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from decoding import decode
from handing import host
from torch import nn
from working import NUMBERS_JS, Worker, differences, working

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas.wire import DRAWING_JS, Body, scripts
from topformer_viz.app.explorer import payload
from topformer_viz.app.explorer.change import change_of
from topformer_viz.app.network.travelling import whole_message
from topformer_viz.network.input import MEAN, STD, network_size
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.network.weights import EVERYDAY
from topformer_viz.paths import NETWORK
from topformer_viz.run.numbers import answers_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NETWORK_JS = f"const MEAN = {[*MEAN]}, STD = {[*STD]};\n" + scripts(
    NETWORK, "kernels.js", "model.js", "random.js", "refusals.js", "weights.js", "initialise.js", "colour.js"
)
BEGIN = """async ([kind, ...paths]) => {
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer()), handed = await Promise.all(paths.map(bytes));
  const { image } = decode(handed[0]), kernels = await WasmKernels.open(handed[1]);
  window.model = kind === "colour" ? new ColourModel(8, kernels) : new TopFormer(readCheckpoint(handed[2], "everyday"), kernels);
  window.run = await trace(model, image);
}"""
# All numbers of the run: whether they are what they were.
SUM = "Object.values(run.tensors).map((tensor) => meanOf(tensor))"


@pytest.fixture(scope="module", params=["everyday", "colour"])
def worked(request: pytest.FixtureRequest, browser: "Browser") -> Iterator[tuple[Worker, nn.Module, Trace]]:
    """A run in a page, and Python's own."""
    photo = open_sample("crossing")
    photo = photo.resize(network_size(*photo.size, 256))
    model = load_model(request.param)
    run, body = trace(model, photo), Body()
    with working(browser, DRAWING_JS + NETWORK_JS + NUMBERS_JS) as worker:
        image = body.message({"image": body.add(run["image"].contiguous(), exact=True)})
        handed = (image, (NETWORK / "kernels.wasm").read_bytes(), EVERYDAY.read_bytes())
        worker.page.evaluate(BEGIN, [request.param, *map(host().hand, handed)])
        yield worker, model, run


def test_the_page_is_told_what_the_server_would_tell(worked: tuple[Worker, nn.Module, Trace]) -> None:
    worker, model, run = worked
    answers = worker.ask("travels(run, model, null, 'run').then((travelled) => travelled.answers)")
    assert not [*differences(answers, answers_of(run, model))]


@pytest.mark.parametrize("worked", ["everyday"], indirect=True)
def test_and_of_the_whole_network(worked: tuple[Worker, nn.Module, Trace]) -> None:
    worker, model, run = worked
    assert isinstance(model, TopFormer)
    before = worker.ask(SUM)
    sent = decode(gzip.decompress(whole_message(run, model, open_sample("crossing"), "run")))
    answers = worker.ask(
        "wholeMessage(run, model, null, 'run', async () => {}).then((made) => (window.made = made).answers)"
    )
    assert not [*differences(answers, sent.header["answers"])]
    for name in ("labels", "small", "lens", *(name for name in sent.header["tensors"] if name.startswith("without"))):
        found, expected = worker.tensor(f"made.tensors[{name!r}]"), sent.view(sent.header["tensors"][name])
        assert (found != expected).mean() < 1e-4, name
    assert worker.ask(SUM) == before  # what ran again left the run as it was


@pytest.mark.parametrize(("block", "removal"), [(0, "without-1"), (0, "only-2"), (3, "only-4")])
def test_and_without_some_heads(worked: tuple[Worker, nn.Module, Trace], block: int, removal: str) -> None:
    worker, model, run = worked
    block = min(block, model.num_blocks - 1)
    before = worker.ask(SUM)
    expected = change_of(run, model, block, payload.heads_of(removal, 4) or ())
    worker.ask(
        f"removalOf(run, model, {block}, '{removal}', async () => {{}}).then((made) => {{ window.made = made; }})"
    )
    assert np.allclose(worker.tensor("made.change"), expected.output[0], atol=1e-4)
    assert not [*differences(worker.ask("made.said"), expected.said)]
    if expected.labels:
        assert not [
            *differences(worker.ask("[made.moves, made.legend]"), [expected.labels.moves, expected.labels.present])
        ]
    assert worker.ask(SUM) == before
