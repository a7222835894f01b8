"""What the whole network's page and the explorer are told of a run in a browser, beside Python: tensor by tensor, answer by answer.

The network itself does not run here: what it returns without a part's work is Python's, handed over (working.py).
"""

import base64
import copy
import gzip
import io
from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from decoding import decode
from PIL import Image
from torch import Tensor, nn
from working import NETWORK_JS, NUMBERS_JS, Worker, differences, working

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas.wire import DRAWING_JS, Body
from topformer_viz.app.explorer import change as change_module
from topformer_viz.app.explorer import payload
from topformer_viz.app.explorer.change import change_of
from topformer_viz.app.lesson.lens import lens_message
from topformer_viz.app.network import travelling
from topformer_viz.app.network.travelling import whole_message
from topformer_viz.network.input import network_size
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run import whole
from topformer_viz.run.segmentation import SILENCED, segment, stopped, without, without_heads

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TIES = 1e-5  # share of image pixels at which two classes may be so near that the last bit of a float32 decides
MADE = """async () => {
  window.made = await wholeMessage(run, model, { width: 3 }, "its name", async () => {});
  const { tensors, ...others } = made;
  return { ...others, types: Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data.constructor.name])) };
}"""


@pytest.fixture(scope="module")
def worker(browser: "Browser") -> Iterator[Worker]:
    with working(browser, DRAWING_JS + NETWORK_JS + NUMBERS_JS) as worker:
        yield worker


def undecided(model: TopFormer, photo: Image.Image) -> TopFormer:
    """``model`` with every class's scores moved to mean 0 and variance 1 on this picture: many classes win somewhere."""
    model = copy.deepcopy(model)
    deviation, mean = torch.std_mean(trace(model, photo)["class_scores"][0], dim=(1, 2))
    last = model.decode_head.conv_seg
    last.weight.div_(deviation.view(-1, 1, 1, 1))
    last.bias.sub_(mean).div_(deviation)
    return model


@cache
def _sample(source: str, slug: str, side: int) -> tuple[TopFormer, Trace, Image.Image]:
    photo = open_sample(slug)
    photo = photo.resize(network_size(*photo.size, side))
    model = load_model(source)
    assert isinstance(model, TopFormer)
    return model, trace(model, photo), photo


@pytest.fixture(params=["street", "untrained", "150 classes", "portrait", "long", "one token", "backbone"])
def shown(
    request: pytest.FixtureRequest, varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]
) -> tuple[TopFormer, Trace, Image.Image]:
    """Networks, runs and pictures of many kinds."""
    if request.param == "street":
        return _sample("everyday", request.param, 512)
    if request.param == "untrained":
        return _sample("small", "rocket", 192)
    size, classes, sides = {
        "150 classes": ("tiny", 150, (128, 192)), "portrait": ("base", 19, (200, 128)), "long": ("tiny", 8, (64, 1_024)),
        "one token": ("small", 2, (33, 50)), "backbone": ("tiny", None, (192, 128)),
    }[request.param]  # fmt: skip
    model, picture = varied(size, classes), photo(*sides)
    if classes is not None:
        model = undecided(model, picture)
    return model, trace(model, picture), picture


def silenced(run: Trace, names: Collection[str]) -> str:
    """How the page says which tensors it set to 0: those that were not."""
    return ", ".join(name for name in run if name in names and bool(run[name].any()))


def handed(worker: Worker, model: nn.Module, run: Trace) -> None:
    """The run, and what the network returns without each part's work."""
    withouts = [] if not isinstance(model, TopFormer) or model.classes is None else [
        *((silenced(run, names), {}, without(model, run, names)) for part, names in SILENCED.items() if part != "blocks"),
        *(("onward " + (f"block{n - 1}.output" if n else "tokens"), {}, stopped(model, run, n)) for n in range(4)),
    ]  # fmt: skip
    worker.hand(run, model, withouts)


def decided(scores: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Where the best class is better than the next by more than float32's rounding."""
    full = F.interpolate(scores.double(), size=size, mode="bilinear", align_corners=False)[0]
    first, second = full.topk(2, dim=0).values if len(full) > 1 else (full[0], full[0] - 1)
    return (first - second > 1e-5 * first.abs().clamp(min=1)).numpy()


# The whole network


def test_the_page_of_the_network_is_told_the_same(worker: Worker, shown: tuple[TopFormer, Trace, Image.Image]) -> None:
    model, run, picture = shown
    handed(worker, model, run)
    sent = decode(gzip.decompress(whole_message(run, model, picture, "its name")))
    made = worker.page.evaluate(MADE)
    assert (made["run"], made["grid"], made["recipes"], made["photo"]) == (
        "its name",
        sent.header["grid"],
        {},
        {"width": 3},
    )
    assert not [*differences(made["answers"], sent.header["answers"])]
    assert list(made["types"]) == list(sent.header["tensors"])
    for name, told in sent.header["tensors"].items():
        assert made["types"][name] == ("Uint8Array" if told["type"] == "u1" else "Float32Array")
        found, expected = worker.tensor(f"made.tensors[{name!r}]"), sent.view(told)
        assert found.shape == expected.shape
        if name in ("labels", "small", "lens") or name.startswith("without"):
            assert (found != expected).mean() <= TIES, name
        elif name == "sure":
            assert np.abs(found - expected).max() <= 1, name
        else:
            step = 2**-24  # of the smallest float16
            assert np.allclose(found, expected, rtol=1e-3, atol=max(1e-4 * np.abs(expected).max(), step)), name


def test_the_lesson_is_told_the_same_of_the_blocks(worker: Worker, shown: tuple[TopFormer, Trace, Image.Image]) -> None:
    model, run, _ = shown
    if model.classes is None:
        return  # there it asks for nothing
    handed(worker, model, run)
    sent = decode(gzip.decompress(lens_message(run, model)))
    changes = worker.ask("lensMessage(run, model, async () => {}).then((made) => (window.made = made).changes)")
    assert not [*differences(changes, sent.header["lens"]["changes"])]
    found, expected = worker.tensor("made.labels"), sent.view(sent.header["lens"]["labels"])
    assert found.shape == expected.shape and (found != expected).mean() <= TIES


def test_of_two_maps_the_same_changes_are_told(worker: Worker) -> None:
    """Classes that trade places, equal changes, and what is too little to be named."""
    for seed, classes in enumerate((2, 3, 9, 300)):
        torch.manual_seed(seed)
        before = torch.randint(classes, (60, 80)).minimum(torch.randint(classes, (60, 80)))
        after = before.where(torch.rand(60, 80) < 0.7, torch.randint(classes, (60, 80)))
        maps = [labels.flatten().tolist() for labels in (before, after)]
        told = worker.page.evaluate(
            "([a, b, n]) => changesOf(Uint16Array.from(a), Uint16Array.from(b), n)", [*maps, classes]
        )
        assert told == whole.changes(before, after, classes)


def test_a_run_that_is_given_up_ends_there(worker: Worker) -> None:
    model, run, _ = _sample("everyday", "cat", 256)
    handed(worker, model, run)
    ended = worker.ask(
        "(async () => { let n = 0; const pause = async () => { if (++n === 20) throw new Error('given up'); };"
        " return await wholeMessage(run, model, {}, '', pause).then(() => 'done', (error) => `${error.message} after ${n}`); })()"
    )
    assert ended == "given up after 20"


def test_classes_beyond_the_legend_are_one(
    worker: Worker, varied: Callable[..., TopFormer], photo: Callable[..., Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = photo(128, 192)
    model = undecided(varied("tiny", 300), picture)
    run = trace(model, picture)
    # Every class somewhere: a map large enough for all, each best at places of its own.
    scores = run["class_scores"].clone()
    places = torch.arange(scores.shape[-2] * scores.shape[-1]) % 300
    scores.flatten(2)[0, places, torch.arange(len(places))] += 50
    run.tensors["class_scores"] = scores
    handed(worker, model, run)
    sent = decode(gzip.decompress(whole_message(run, model, picture, "")))
    made = worker.page.evaluate(MADE)
    legend = sent.header["answers"]["legend class_scores"]
    assert len(legend) == 256
    assert legend[-1]["class"] is None
    assert not [*differences(made["answers"], sent.header["answers"])]
    assert (worker.tensor("made.tensors.labels") != sent.view(sent.header["tensors"]["labels"])).mean() <= TIES


# Segmentations


@pytest.mark.parametrize("size", [(320, 213), (7, 5), (30, 200), (1, 1)])
@pytest.mark.parametrize("classes", [1, 40])
def test_the_best_class_and_its_confidence_at_any_size(worker: Worker, size: tuple[int, int], classes: int) -> None:
    torch.manual_seed(classes)
    model, run, _ = _sample("everyday", "cat", 256)
    scores = 3 * torch.randn(1, classes, 64, 52)
    worker.hand(run, model, [("scores", {}, scores)])
    worker.ask(
        f"segment(returned.scores.scores, {list(size)}, async () => {{}}).then((found) => {{ window.found = found; }})"
    )
    expected, clear = segment(scores, size), decided(scores, size)
    labels = worker.tensor(f"tensorOf(found.labels, {list(size)})")
    assert np.array_equal(labels[clear], expected.labels.numpy()[clear])
    assert clear.mean() > 0.99
    assert np.allclose(worker.tensor(f"tensorOf(found.sure, {list(size)})"), expected.sure, atol=1e-5)


def test_of_equal_classes_the_first_wins(worker: Worker) -> None:
    model, run, _ = _sample("everyday", "cat", 256)
    worker.hand(run, model)
    found = worker.ask(
        "labelled(tensorOf(new Float32Array(3 * 4).fill(2), [3, 2, 2]), [5, 5], async () => {}).then((labels) => [...labels])"
    )
    assert found == [0] * 25


# Without some heads


@pytest.fixture(params=["street", "untrained", "150 classes", "backbone", "colour"])
def explored(
    request: pytest.FixtureRequest, varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]
) -> tuple[nn.Module, Trace]:
    if request.param == "street":
        return _sample("everyday", "street", 512)[:2]
    if request.param == "untrained":
        return _sample("tiny", "rocket", 192)[:2]
    picture = photo(128, 192)
    model = (
        load_model("colour") if request.param == "colour" else varied("tiny", 150 if "150" in request.param else None)
    )
    if request.param == "150 classes":
        model = undecided(model, picture)
    return model, trace(model, picture)


@pytest.mark.parametrize(("block", "removal"), [(0, "only-3"), (2, "without-4")])
def test_a_run_without_some_heads_tells_the_same(
    worker: Worker, explored: tuple[nn.Module, Trace], block: int, removal: str
) -> None:
    model, run = explored
    if block >= model.num_blocks:
        block = 0
    heads = payload.heads_of(removal, model.num_heads)
    assert heads is not None
    without_them = without_heads(model, run, block, heads)
    name = f"block{block}.{'output' if isinstance(model, TopFormer) else 'residual'}"
    silent = [head for head in heads if bool(run[f"block{block}.mixed"][0, head].any())]
    worker.hand(
        run,
        model,
        [(f"block{block}.mixed {','.join(map(str, silent))}", {name: without_them.output}, without_them.scores)],
    )
    expected, body = change_of(run, model, block, heads), Body()
    sent = payload._removal(expected, body)
    arrived = decode(body.message(sent))
    made = worker.page.evaluate(
        """async ([block, removal]) => {
          window.made = await removalOf(run, model, block, removal, async () => {});
          const encoded = async ({ blob }) => [blob.type, btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer())))];
          const { change, ...told } = made;
          for (const name of ["before", "after", "changed"]) if (told[name]) told[name] = await encoded(told[name]);
          return told;
        }""",
        [block, removal],
    )
    pictures = {name: made.pop(name) for name in ("before", "after", "changed") if name in made}
    told = {name: value for name, value in sent.items() if name not in ("before", "after", "changed", "change")}
    assert not [*differences(made, told, tolerance=1e-4)]
    change, exact = worker.tensor("made.change"), arrived.view(sent["change"])
    assert change.shape == exact.shape
    assert np.allclose(change, exact, atol=1e-4 * max(1, float(exact.max())))
    assert set(pictures) == {"before", "after", "changed"} & set(sent)
    for name, (kind, packed) in pictures.items():
        theirs = np.asarray(arrived.picture(sent[name]).convert("RGBA"))
        ours = np.asarray(Image.open(io.BytesIO(base64.b64decode(packed))).convert("RGBA"))
        assert kind == "image/png"
        assert ours.shape == theirs.shape
        assert np.array_equal(ours[..., 3], theirs[..., 3]) or (ours[..., 3] != theirs[..., 3]).mean() <= TIES
        opaque = (ours[..., 3] > 0) & (theirs[..., 3] > 0)
        assert (ours != theirs)[opaque].any(-1).mean() <= TIES if opaque.any() else True


@pytest.mark.parametrize("removal", ["without-5", "only-0", "both-1", "without-", "without-01", ""])
def test_of_no_sensible_removal_nothing_is_told(worker: Worker, removal: str) -> None:
    assert payload.heads_of(removal, 4) is None
    assert (
        worker.page.evaluate(
            "(removal) => { try { return headsOf(removal, 4); } catch (error) { return error.message; } }", removal
        )
        == f"no removal {removal}"
    )


@pytest.mark.parametrize("removal", ["without-2", "only-2", "without-4", "only-1"])
def test_a_removal_takes_these_heads_away(worker: Worker, removal: str) -> None:
    assert worker.page.evaluate("(removal) => headsOf(removal, 4)", removal) == [*(payload.heads_of(removal, 4) or ())]


def test_their_constants_are_pythons(worker: Worker) -> None:
    found = worker.ask(
        "[SEGMENTATION, COMPARED, LEGEND, SCORES, NAMED, LEAST, MATRIX, LABELS, MOVED, SEEN, UNCHANGED, SILENCED, Object.keys(WHOLE_NUMBERS)]"
    )
    assert found == [
        whole.SEGMENTATION, whole.COMPARED, whole.LEGEND, whole.SCORES, whole.NAMED, whole.LEAST, travelling.MATRIX, change_module.LABELS, change_module.MOVED,
        change_module.SEEN, payload.UNCHANGED, {part: [*names] for part, names in SILENCED.items()}, [*whole.NUMBERS],
    ]  # fmt: skip
