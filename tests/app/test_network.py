"""The whole network's bytes, read as the browser reads them."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from decoding import Payload, decode, tensors
from PIL import Image
from torch import Tensor

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas.markup import shape_html
from topformer_viz.app.canvas.wire import PHOTO_SIDE
from topformer_viz.app.network import payload as payload_module
from topformer_viz.app.network.payload import COMPARED, MATRIX, SCORES, SEGMENTATION, network_payload
from topformer_viz.network.classes import classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.facts import Facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.measures import PYRAMID_CELLS
from topformer_viz.run.segmentation import SILENCED, Segmentation, segment, without
from topformer_viz.words.names import NOT_EVIDENCE

SETTINGS = {"asked": "block2", "ui": {"part": "</script>"}}
# Size of the network, classes, (height, width) of the picture.
SHOWN: dict[str, tuple[str, int | None, tuple[int, int]]] = {
    "landscape, 150 classes": ("tiny", 150, (128, 192)),
    "portrait": ("small", 8, (192, 128)),
    "square": ("tiny", 19, (384, 384)),
    "long": ("tiny", 8, (64, 768)),
    "odd sides": ("base", 19, (97, 130)),
    "one token": ("tiny", 2, (33, 50)),
    "backbone": ("tiny", None, (192, 128)),
}
FACTS = Facts(
    classes=list("abcdefgh"), train=3, val=2, mean_iou=0.6543, accuracy=0.876,
    iou=[0.9, 0.8, 0.1234, 0.6, 0.5, 0.0, 0.3, 0.25], far=1.5,
    without={name: 0.1 + n / 100 for n, name in enumerate(SILENCED)},
)  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Sent(Payload):
    """A run, and what is sent of it."""

    model: TopFormer
    photo: Image.Image
    run: Trace

    def near(self, tensor: dict[str, Any], expected: Tensor | np.ndarray) -> bool:
        """Whether it has the expected shape, and values as near as float16 and another order of sums can be."""
        expected = np.asarray(expected, np.float32)
        actual = self.view(tensor)
        assert actual.shape == expected.shape
        return np.allclose(actual, expected, rtol=2e-3, atol=1e-6 + 1e-4 * np.abs(expected).max())

    @property
    def parts(self) -> dict[str, dict[str, str]]:
        return {part["name"]: part for part in self.header["parts"]}


def send(model: TopFormer, photo: Image.Image, run: Trace, lang: str = "en", facts: Facts | None = None) -> Sent:
    data = network_payload(run, model, photo, lang, facts, SETTINGS)
    sent = decode(data)
    return Sent(sent.header, sent.body, model, photo, run)


def undecided(model: TopFormer, photo: Image.Image) -> TopFormer:
    """``model`` with every class's scores moved to mean 0 and variance 1 on this picture: many classes win somewhere."""
    model = copy.deepcopy(model)
    if model.classes is not None:
        deviation, mean = torch.std_mean(trace(model, photo)["class_scores"][0], dim=(1, 2))
        last = model.decode_head.conv_seg
        last.weight.div_(deviation.view(-1, 1, 1, 1))
        last.bias.sub_(mean).div_(deviation)
    return model


@pytest.fixture(scope="module")
def show(varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]) -> Callable[[str], Sent]:
    """show(name): one of ``SHOWN``, as sent in English."""

    @cache
    def made(name: str) -> Sent:
        size, classes, sides = SHOWN[name]
        picture = photo(*sides)
        model = undecided(varied(size, classes), picture)
        return send(model, picture, trace(model, picture))

    return made


@pytest.fixture(scope="module", params=SHOWN)
def sent(request: pytest.FixtureRequest, show: Callable[[str], Sent]) -> Sent:
    return show(request.param)


@pytest.fixture(scope="module", params=[name for name in SHOWN if name != "backbone"])
def segmented(request: pytest.FixtureRequest, show: Callable[[str], Sent]) -> Sent:
    return show(request.param)


@pytest.fixture(scope="module")
def portrait(show: Callable[[str], Sent]) -> tuple[TopFormer, Image.Image, Trace]:
    shown = show("portrait")
    return shown.model, shown.photo, shown.run


def averaged(maps: np.ndarray, longest: int) -> np.ndarray:
    """(..., h, w) averaged down to at most ``longest`` a side: each cell over all it touches."""
    scale = longest / max(maps.shape[-2:])
    if scale >= 1:
        return maps
    for axis in (-2, -1):
        old = maps.shape[axis]
        new = max(1, round(old * scale))
        bounds = [(i * old // new, -(-(i + 1) * old // new)) for i in range(new)]
        maps = np.stack([maps.take(range(*b), axis).mean(axis) for b in bounds], axis)
    return maps


def rms(tensor: Tensor) -> np.ndarray:
    """Root mean square over channels, (1, C, h, w) to (1, h, w), its mean square averaged down."""
    return np.sqrt(averaged((tensor.double().numpy() ** 2).mean(1), PYRAMID_CELLS))


# Tensors


def test_every_tensor_has_its_own_bytes_and_all_bytes_are_some_tensors(sent: Sent) -> None:
    found = tensors(sent.header)
    spans = sorted((t["offset"], t["offset"] + t["n"] * int(t["type"][1])) for t in found)
    photo = sent.header["photo"]
    spans = sorted([*spans, (photo["offset"], photo["offset"] + photo["bytes"])])
    assert all(0 <= start - end < 4 for (_, end), (start, _) in pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (0, len(sent.body))
    for tensor in found:
        assert np.isfinite(sent.view(tensor)).all()


def test_photo(sent: Sent) -> None:
    photo = sent.header["photo"]
    assert (photo["width"], photo["height"]) == sent.photo.size
    assert photo["mime"] == "image/jpeg"
    with sent.picture(photo) as image:
        assert max(image.size) == min(max(sent.photo.size), PHOTO_SIDE)


def test_levels_are_their_strength_and_six_channels(sent: Sent) -> None:
    assert len(sent.header["levels"]) == 4
    for n, level in enumerate(sent.header["levels"]):
        traced = sent.run[f"pyramid{n}"]
        assert sent.near(level["strength"], rms(traced))
        assert sent.near(level["channels"], averaged(traced[0, :6].numpy(), PYRAMID_CELLS))
        assert max(level["strength"]["shape"]) <= PYRAMID_CELLS


def test_a_map_twice_as_fine_as_shown_is_averaged_in_fours(show: Callable[[str], Sent]) -> None:
    sent = show("square")
    level = sent.run["pyramid0"][0].double()
    assert level.shape == (16, 96, 96)
    fours = level.square().reshape(16, 48, 2, 48, 2).mean((0, 2, 4))
    assert sent.near(sent.header["levels"][0]["strength"], fours.sqrt()[None])


@pytest.mark.parametrize(("name", "traced"), [("tokens", "tokens"), ("split", "block3.output")])
def test_tokens_are_told_apart_by_the_level_they_come_from(sent: Sent, name: str, traced: str) -> None:
    part = sent.header[name]
    assert part["channels"] == list(sent.model.backbone.channels)
    split = sent.run[traced].split(part["channels"], dim=1)
    assert sent.near(part["maps"], np.concatenate([rms(own) for own in split]))


def test_blocks_are_the_mean_of_their_heads(sent: Sent) -> None:
    H, W = sent.header["grid"]
    assert (H, W, sent.header["heads"]) == tuple(sent.run.sizes[axis] for axis in ("H", "W", "heads"))
    assert len(sent.header["blocks"]) == 4
    for n, block in enumerate(sent.header["blocks"]):
        weights = sent.run[f"block{n}.weights"][0].double().numpy()  # (heads, HW, HW): row reads column
        assert sent.near(block["mean"], averaged(weights.mean(0), MATRIX)[None])
        heads = weights.sum(1).reshape(-1, H, W)
        assert sent.near(block["heads"], heads)
        assert sent.near(block["read"], heads.mean(0)[None])
        assert sent.view(block["heads"]).sum((1, 2)) == pytest.approx(H * W, rel=1e-3)
        entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(-1)
        for h, (name, tokens) in enumerate(zip(block["names"], np.exp(entropy).mean(-1), strict=True), start=1):
            told = re.fullmatch(rf"head {h}: ([\d.]+) effective tokens of {H * W}", name)
            assert float(told[1]) == pytest.approx(tokens, abs=0.051)
        added, own = (sent.run[f"block{n}.{name}"].double() for name in ("projected", "tokens"))
        share = float((added.square().sum() / own.square().sum()).sqrt())
        assert block["share"] == pytest.approx(share, rel=1e-4)
        assert f"feature map's own: {share:.1%})" in sent.parts[f"block{n + 1}"]["note"]


def test_a_matrix_of_many_tokens_is_averaged_down(tiny) -> None:
    """192 tokens are twice as many as are shown: each cell is the mean of four."""
    run = Trace({**tiny.run}, dict(tiny.run.sizes), 0.0, "cpu", False)
    weights = torch.rand(1, 4, 192, 192, generator=torch.Generator().manual_seed(0)).softmax(-1)
    for n in range(4):
        run.tensors[f"block{n}.weights"] = weights
    run.sizes.update(H=12, W=16, HW=192)
    sent = send(tiny.model, tiny.photo, run)
    block = sent.header["blocks"][0]
    assert sent.near(block["mean"], weights.mean(1).reshape(1, 96, 2, 96, 2).mean((2, 4)))
    assert block["heads"]["shape"] == [4, 12, 16]


def test_injections_are_their_gate_and_their_strength(segmented: Sent) -> None:
    injections = segmented.header["injections"]
    assert [injection["level"] for injection in injections] == [1, 2, 3]
    for n, injection in enumerate(injections, start=1):
        gate = segmented.run[f"gate{n}"]
        assert segmented.near(injection["gate"], gate[0].mean(0)[None])
        assert injection["mean"] == pytest.approx(float(gate.mean()), abs=1e-5)
        assert 0 <= injection["mean"] <= 1
        assert segmented.near(injection["injected"], rms(segmented.run[f"injected{n}"]))
        assert f"lets {injection['mean']:.1%} through" in segmented.parts[f"injected{n}"]["note"]


# The segmentation


def fitted(photo: Image.Image, longest: int) -> tuple[int, int]:
    width, height = (round(side * longest / max(photo.size)) for side in photo.size)
    return height, width


def classes_shown(sent: Sent, labels: dict[str, Any]) -> np.ndarray:
    """The classes of a map of labels, by way of the legend."""
    names = classes_of(sent.model.classes).names
    order = np.array([[name.en for name in names].index(entry["name"]) for entry in sent.header["legend"]])
    assert labels["type"] == "u1" and labels["shape"][0] == 1
    return order[sent.view(labels)[0].astype(int)]


def test_labels_are_the_segmentations(segmented: Sent) -> None:
    scores = segmented.run["class_scores"]
    expected = segment(scores, fitted(segmented.photo, SEGMENTATION))
    assert np.array_equal(classes_shown(segmented, segmented.header["labels"]), expected.labels)
    sure = segmented.view(segmented.header["sure"])[0] / 255
    assert np.abs(sure - expected.sure.numpy()).max() <= 0.5 / 255 + 1e-6
    assert segmented.header["mean_sure"] == pytest.approx(float(expected.sure.mean()), abs=1e-5)
    assert f"on average {float(expected.sure.mean()):.1%} in this image" in segmented.parts["segmentation"]["note"]


def test_the_legend_has_every_class_shown_the_largest_first(segmented: Sent) -> None:
    legend = segmented.header["legend"]
    names, found = classes_of(segmented.model.classes), classes_shown(segmented, segmented.header["labels"])
    assert segmented.header["set"] == names.title.en
    assert segmented.header["classes"] == segmented.model.classes
    shares = [entry["share"] for entry in legend]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    colours = {name.en: colour for name, colour in zip(names.names, names.colours, strict=True)}
    for entry in legend:
        own = next(c for c, name in enumerate(names.names) if name.en == entry["name"])
        assert entry["share"] == pytest.approx((found == own).mean())
        assert entry["colour"] == colours[entry["name"]]
        assert entry["iou"] is None


def test_what_parts_do_is_shown_by_taking_them_away(segmented: Sent) -> None:
    size = fitted(segmented.photo, COMPARED)
    whole = segment(segmented.run["class_scores"], size).labels.numpy()
    assert np.array_equal(classes_shown(segmented, segmented.header["small"]), whole)
    told = {}
    for (part, names), shown in zip(SILENCED.items(), segmented.header["without"], strict=True):
        expected = segment(without(segmented.model, segmented.run, names), size).labels.numpy()
        assert np.array_equal(classes_shown(segmented, shown["labels"]), expected)
        told[part] = f"{float((whole != expected).mean(dtype=np.float64)):.1%}"
        assert shown["val"] == ""
        what = {"attention": "any attention", "blocks": "the four blocks"}.get(part, "this block's attention")
        assert shown["text"] == f"without {what}: {told[part]} of the image pixels change class"
    (owed,) = segmented.header["owed"]
    assert owed[0] == "What the blocks contribute"
    assert f"all attention, and {told['attention']} of" in owed[1] and f"and {told['blocks']} do" in owed[1]


def test_scores_are_of_the_classes_that_win_most_pixels(segmented: Sent) -> None:
    scores = segmented.header["scores"]
    legend = [entry["name"] for entry in segmented.header["legend"] if entry["share"]]
    assert scores["names"] == legend[:SCORES]
    names = [name.en for name in classes_of(segmented.model.classes).names]
    own = segmented.run["class_scores"][0, [names.index(name) for name in scores["names"]]]
    assert segmented.near(scores["maps"], averaged(own.numpy(), PYRAMID_CELLS))


def test_a_backbone_ends_with_its_last_block(show: Callable[[str], Sent]) -> None:
    header = show("backbone").header
    assert not {"injections", "legend", "labels", "sure", "without", "owed", "scores"} & header.keys()
    assert [part["name"] for part in header["parts"]][-1] == "block4"


def test_many_classes_are_told_apart_here(show: Callable[[str], Sent]) -> None:
    """Or the tests above would see one class everywhere."""
    assert [sum(entry["share"] > 0 for entry in show(name).header["legend"]) for name in ("portrait", "square")] == [
        8,
        19,
    ]
    assert sum(entry["share"] > 0 for entry in show("landscape, 150 classes").header["legend"]) > 30


def test_more_classes_than_a_picture_can_tell_apart_are_no_error(
    varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]
) -> None:
    model, picture = TopFormer("tiny", 300).eval().requires_grad_(False), photo(64, 64)
    state = varied("tiny", 150).state_dict()
    head = [name for name in state if name.startswith("decode_head.conv_seg")]
    model.load_state_dict({name: t if name not in head else torch.cat([t, -t]) for name, t in state.items()})
    sent = send(model, picture, trace(model, picture))
    assert sent.header["set"] == "300 classes without names"
    assert sum(entry["share"] for entry in sent.header["legend"]) == pytest.approx(1)


# Parts


def test_parts_stand_in_the_order_of_computation(sent: Sent) -> None:
    expected = [
        "image",
        "pyramid0",
        "pyramid1",
        "pyramid2",
        "pyramid3",
        "tokens",
        "block1",
        "block2",
        "block3",
        "block4",
    ]
    if sent.model.classes is not None:
        expected += ["split", "injected1", "injected2", "injected3", "class_scores", "segmentation"]
    assert list(sent.parts) == [part["name"] for part in sent.header["parts"]] == expected


def test_parts_say_the_shapes_of_the_run(sent: Sent) -> None:
    traced = {f"block{n + 1}": f"block{n}.output" for n in range(4)} | {"split": "block3.output"}
    for name, part in sent.parts.items():
        if name == "segmentation":
            assert part["sizes"] == f"{sent.photo.height} × {sent.photo.width}"
            assert [f">Y {sent.photo.height}<" in part["shape"], f">X {sent.photo.width}<" in part["shape"]] == [
                True,
                True,
            ]
            continue
        tensor = traced.get(name, name)
        assert part["sizes"] == " × ".join(str(side) for side in sent.run[tensor].shape[1:])
        assert part["shape"] == shape_html(tensor, dict(sent.run.sizes), "en")


def test_costs_are_counted_at_the_pictures_size_and_add_up(sent: Sent) -> None:
    counted = {
        c.part: [c.params, c.multiply_adds] for c in costs(sent.model.size, sent.model.classes, *sent.photo.size[::-1])
    }
    shown = dict(sent.header["costs"])
    assert shown.pop("all") == [sum(column) for column in zip(*counted.values(), strict=True)]
    assert shown == {
        re.sub(r"block(\d)", lambda m: f"block{int(m[1]) + 1}", part): cost for part, cost in counted.items()
    }
    assert shown.keys() <= sent.parts.keys()


def test_settings_come_through(sent: Sent) -> None:
    assert {name: sent.header[name] for name in SETTINGS} == SETTINGS
    assert sent.header["lang"] == "en"


# Words


def texts(part: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a header and the name it stands under."""
    if isinstance(part, str):
        yield name, part
    elif isinstance(part, dict):
        for key, inner in part.items():
            yield from texts(inner, key)
    elif isinstance(part, list):
        for inner in part:
            yield from texts(inner, name)


def test_words_are_in_the_language_asked_for(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    english, chinese = (send(*portrait, lang, FACTS) for lang in ("en", "zh"))
    assert english.body == chinese.body
    pairs = list(zip(texts(english.header), texts(chinese.header), strict=True))
    assert [name for (name, _), _ in pairs] == [name for _, (name, _) in pairs]
    same = {"type", "colour", "formula", "shape", "sizes", *SETTINGS}  # the same in both
    for (name, en), (_, zh) in pairs:
        if name not in same:
            assert not CHINESE.search(en), en
        if name in ("title", "note", "names", "text", "val", "owed", "set"):
            assert CHINESE.search(zh), zh
    assert (english.header["lang"], chinese.header["lang"]) == ("en", "zh")


def test_chinese_words_are_chinese_but_for_names(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    header = send(*portrait, "zh", FACTS).header
    known = {
        "MLP",
        "mIoU",
        "IoU",
        "softmax",
        "token",
        "C",
        "H",
        "W",
        "HW",
        "X",
        "Y",
        "ImageNet",
        "TopFormer",
        "BN",
        "exp",
    }
    for name, text in texts(header):
        if name in ("title", "short", "note", "names", "name", "text", "val", "owed", "set") and CHINESE.search(text):
            found = set(re.findall("[A-Za-z]+", re.sub("<[^>]+>", " ", text)))
            assert found <= known, text


def test_html_closes_what_it_opens(sent: Sent) -> None:
    for part in sent.header["parts"]:
        for name in ("note", "formula", "shape"):
            tags = re.findall(r"<(/?)(\w+)[^>]*>", part[name])
            assert {tag for _, tag in tags} <= {"span", "code", "sub"}
            assert sum(-1 if closed else 1 for closed, _ in tags) == 0
            assert name == "formula" or not re.search(r"[{}]|\[\[|\]\]", part[name]), part[name]
        assert part["title"] and part["short"] and part["note"]


def test_what_was_measured_of_the_model_is_told(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    model, picture, run = portrait
    sent = send(model, picture, run, facts=FACTS)
    names = [name.en for name in classes_of(8).names]
    for entry in sent.header["legend"]:
        assert entry["iou"] == FACTS.iou[names.index(entry["name"])]
    told = [shown["val"] for shown in sent.header["without"]]
    assert told == [f"mIoU, validation: 0.654 → {0.1 + n / 100:.3f}" for n in range(6)]
    owed, fails = sent.header["owed"]
    assert owed[2] == (
        "On the 2 validation images mIoU is 0.654; without any attention 0.140, without the four blocks 0.150. "
        "So attention alone is worth 0.514 here, the whole blocks, with their MLPs, 0.504."
    )
    assert fails[0] == "Where it fails"
    assert "by IoU: class 6 0.00, class 3 0.12, class 8 0.25." in fails[1]


def test_names_that_came_with_the_file_are_the_legends(
    portrait: tuple[TopFormer, Image.Image, Trace],
) -> None:
    model, picture, run = portrait
    model = copy.deepcopy(model)
    model.class_names = ("<b>", "b", "c", "d", "e", "f", "g", "h")
    sent = send(model, picture, run)
    assert {entry["name"] for entry in sent.header["legend"]} <= set(model.class_names)
    assert "<b>" not in "".join(part["note"] for part in sent.header["parts"])


def test_the_run_is_not_changed(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    model, picture, run = portrait
    before = {name: tensor.clone() for name, tensor in run.items()}
    send(model, picture, run)
    assert all(torch.equal(run[name], tensor) for name, tensor in before.items())


# Size


@pytest.mark.parametrize("sides", [(512, 512), (512, 768)], ids=str)
def test_size_at_512(sides: tuple[int, int]) -> None:
    model, picture = load_model("streets"), open_sample("street").resize(sides[::-1])
    assert isinstance(model, TopFormer)
    data = network_payload(trace(model, picture), model, picture, "zh", FACTS, SETTINGS)
    assert len(data) < 1_500_000


def test_the_legend_goes_by_share_alone(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by how many of the pictures with a part taken away have the class."""

    def made(scores: torch.Tensor, size: tuple[int, int]) -> Segmentation:
        labels = torch.zeros(size, dtype=torch.int64)
        labels[0, :5] = 1
        if max(size) == SEGMENTATION:
            labels[1, :7] = 2
        return Segmentation(labels, torch.ones(size))

    monkeypatch.setattr(payload_module, "segment", made)
    shares = [entry["share"] for entry in send(tiny.model, tiny.photo, tiny.run).header["legend"]]
    assert shares == sorted(shares, reverse=True)


def test_an_untrained_networks_segmentation_is_evidence_of_nothing(tiny) -> None:
    data = network_payload(tiny.run, tiny.model, tiny.photo, "en", None, {}, untrained=True)
    (random,) = decode(data).header["owed"]
    assert random[1] == NOT_EVIDENCE("en")
