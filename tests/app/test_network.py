"""The whole network's bytes, read as the browser reads them."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from decoding import components, tensors
from opening import book_of, markup, message, open_app
from PIL import Image
from torch import Tensor
from whole import Whole, show

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas import book
from topformer_viz.app.canvas.markup import shape_html
from topformer_viz.app.canvas.wire import PHOTO_SIDE
from topformer_viz.app.frame.view import View
from topformer_viz.app.network import payload, travelling
from topformer_viz.app.network.parts import head_name, without_part
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.network.travelling import MATRIX, whole_message
from topformer_viz.network.classes import classes_of
from topformer_viz.network.costs import costs
from topformer_viz.network.facts import Facts, facts
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run import whole as whole_module
from topformer_viz.run.measures import PYRAMID_CELLS
from topformer_viz.run.segmentation import SILENCED, Segmentation, segment, stopped, without
from topformer_viz.run.walk import Known
from topformer_viz.run.whole import COMPARED, SCORES, SEGMENTATION, Seen, places
from topformer_viz.words.live import key_of
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS

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
    iou=[0.9, 0.8, 0.1234, 0.6, 0.5, 0.0, 0.3, 0.25], far=[0.5, 1.5], rarely=0.05,
    without={name: 0.1 + n / 100 for n, name in enumerate(SILENCED)},
)  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")


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
def shown(varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]) -> Callable[[str], Whole]:
    """shown(name): one of ``SHOWN``, in English."""

    @cache
    def made(name: str) -> Whole:
        size, classes, sides = SHOWN[name]
        picture = photo(*sides)
        model = undecided(varied(size, classes), picture)
        return show(model, picture, trace(model, picture))

    return made


@pytest.fixture(scope="module", params=SHOWN)
def sent(request: pytest.FixtureRequest, shown: Callable[[str], Whole]) -> Whole:
    return shown(request.param)


@pytest.fixture(scope="module", params=[name for name in SHOWN if name != "backbone"])
def segmented(request: pytest.FixtureRequest, shown: Callable[[str], Whole]) -> Whole:
    return shown(request.param)


@pytest.fixture(scope="module")
def portrait(shown: Callable[[str], Whole]) -> tuple[TopFormer, Image.Image, Trace]:
    whole = shown("portrait")
    return whole.model, whole.photo, whole.run


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


def test_every_tensor_has_its_own_bytes_and_all_bytes_are_some_tensors(sent: Whole) -> None:
    found = tensors(sent.header)
    spans = sorted((t["offset"], t["offset"] + t["n"] * int(t["type"][1])) for t in found)
    photo = sent.header["photo"]
    spans = sorted([*spans, (photo["offset"], photo["offset"] + photo["bytes"])])
    assert all(0 <= start - end < 4 for (_, end), (start, _) in pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (0, len(sent.body))
    for tensor in found:
        assert np.isfinite(sent.view(tensor)).all()


def test_photo(sent: Whole) -> None:
    photo = sent.header["photo"]
    assert (photo["width"], photo["height"]) == sent.photo.size
    assert photo["mime"] == "image/jpeg"
    with sent.picture(photo) as image:
        assert max(image.size) == min(max(sent.photo.size), PHOTO_SIDE)


def test_levels_are_their_strength_and_six_channels(sent: Whole) -> None:
    for n in range(4):
        traced = sent.run[f"pyramid{n}"]
        assert sent.near(f"pyramid{n}.strength", rms(traced))
        assert sent.near(f"pyramid{n}.shown", averaged(traced[0, :6].numpy(), PYRAMID_CELLS))
        assert max(sent.told(f"pyramid{n}.strength")["shape"]) <= PYRAMID_CELLS


def test_a_map_twice_as_fine_as_shown_is_averaged_in_fours(shown: Callable[[str], Whole]) -> None:
    sent = shown("square")
    level = sent.run["pyramid0"][0].double()
    assert level.shape == (16, 96, 96)
    fours = level.square().reshape(16, 48, 2, 48, 2).mean((0, 2, 4))
    assert sent.near("pyramid0.strength", fours.sqrt()[None])


@pytest.mark.parametrize("traced", ["tokens", "block3.output"])
def test_tokens_are_told_apart_by_the_level_they_come_from(sent: Whole, traced: str) -> None:
    assert sent.said["channels"] == list(sent.model.backbone.channels)
    split = sent.run[traced].split(sent.said["channels"], dim=1)
    assert sent.near(f"{traced}.levels", np.concatenate([rms(own) for own in split]))


def test_blocks_are_the_mean_of_their_heads(sent: Whole) -> None:
    H, W = sent.header["grid"]
    assert (H, W) == tuple(sent.run.sizes[axis] for axis in ("H", "W"))
    assert len(sent.said["heads"]) == 4
    for n, names in enumerate(sent.said["heads"]):
        weights = sent.run[f"block{n}.weights"][0].double().numpy()  # (heads, HW, HW): row reads column
        assert sent.near(f"block{n}.mean", averaged(weights.mean(0), MATRIX)[None])
        heads = weights.sum(1).reshape(-1, H, W)
        assert sent.near(f"block{n}.heads", heads)
        assert sent.near(f"block{n}.read", heads.mean(0)[None])
        assert sent.tensor(f"block{n}.heads").sum((1, 2)) == pytest.approx(H * W, rel=1e-3)
        entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(-1)
        for h, (name, tokens) in enumerate(zip(names, np.exp(entropy).mean(-1), strict=True), start=1):
            told = re.fullmatch(rf"head {h}: ([\d.]+) effective tokens of {H * W}", name)
            assert float(told[1]) == pytest.approx(tokens, abs=0.051)
        added, own = (sent.run[f"block{n}.{name}"].double() for name in ("projected", "tokens"))
        share = float((added.square().sum() / own.square().sum()).sqrt())
        assert sent.header["answers"][f"added block{n}"]["share"] == pytest.approx(share, rel=1e-4)
        assert f"feature map's own: {share:.1%})" in sent.parts[f"block{n + 1}"]["note"]


def test_a_matrix_of_many_tokens_is_averaged_down(tiny) -> None:
    """192 tokens are twice as many as are shown: each cell is the mean of four."""
    run = Trace({**tiny.run}, dict(tiny.run.sizes), 0.0, "cpu", False)
    weights = torch.rand(1, 4, 192, 192, generator=torch.Generator().manual_seed(0)).softmax(-1)
    for n in range(4):
        run.tensors[f"block{n}.weights"] = weights
    run.sizes.update(H=12, W=16, HW=192)
    sent = show(tiny.model, tiny.photo, run)
    assert sent.near("block0.mean", weights.mean(1).reshape(1, 96, 2, 96, 2).mean((2, 4)))
    assert sent.told("block0.heads")["shape"] == [4, 12, 16]


def test_injections_are_their_gate_and_their_strength(segmented: Whole) -> None:
    for n in (1, 2, 3):
        gate = segmented.run[f"gate{n}"]
        assert segmented.near(f"gate{n}.mean", gate[0].mean(0)[None])
        share = segmented.header["answers"][f"passes gate{n}"]["share"]
        assert share == pytest.approx(float(gate.mean()), abs=1e-5)
        assert 0 <= share <= 1
        assert segmented.near(f"injected{n}.strength", rms(segmented.run[f"injected{n}"]))
        assert f"lets {share:.1%} through" in segmented.parts[f"injected{n}"]["note"]


# The segmentation


def fitted(photo: Image.Image, longest: int) -> tuple[int, int]:
    width, height = (round(side * longest / max(photo.size)) for side in photo.size)
    return height, width


def classes_shown(sent: Whole, name: str) -> np.ndarray:
    """The classes of a map of labels, by way of the legend."""
    order = np.array([entry["class"] for entry in sent.said["legend"]])
    assert sent.told(name)["type"] == "u1" and sent.told(name)["shape"][0] == 1
    return order[sent.tensor(name)[0].astype(int)]


def stops(sent: Whole) -> list[np.ndarray]:
    """The classes of the maps before the blocks and after each."""
    order = np.array([entry["class"] for entry in sent.said["legend"]])
    return [*order[sent.tensor("lens").astype(int)]]


def test_labels_are_the_segmentations(segmented: Whole) -> None:
    scores = segmented.run["class_scores"]
    expected = segment(scores, fitted(segmented.photo, SEGMENTATION))
    assert np.array_equal(classes_shown(segmented, "labels"), expected.labels)
    sure = segmented.tensor("sure")[0] / 255
    assert np.abs(sure - expected.sure.numpy()).max() <= 0.5 / 255 + 1e-6
    mean = float(expected.sure.mean())
    assert segmented.header["answers"]["sure class_scores"]["share"] == pytest.approx(mean, abs=1e-5)
    assert f"on average {mean:.1%} in this image" in segmented.parts["segmentation"]["note"]


def test_the_legend_has_every_class_shown_the_largest_first(segmented: Whole) -> None:
    legend, said = segmented.said["legend"], segmented.said
    names, found = classes_of(segmented.model.classes), classes_shown(segmented, "labels")
    assert said["set"] == names.title.en
    assert said["classes"] == [
        {"name": n.en, "colour": colour, "iou": None} for n, colour in zip(names.names, names.colours, strict=True)
    ]
    shares = [entry["share"] for entry in legend]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    for entry in legend:
        assert entry["share"] == pytest.approx((found == entry["class"]).mean())


def test_what_parts_do_is_shown_by_taking_them_away(segmented: Whole) -> None:
    size = fitted(segmented.photo, COMPARED)
    whole = segment(segmented.run["class_scores"], size).labels.numpy()
    assert np.array_equal(classes_shown(segmented, "small"), whole)
    told = {}
    for (part, names), shown in zip(SILENCED.items(), segmented.said["without"], strict=True):
        expected = segment(without(segmented.model, segmented.run, names), size).labels.numpy()
        assert np.array_equal(classes_shown(segmented, shown["tensor"]), expected)
        told[part] = f"{float((whole != expected).mean(dtype=np.float64)):.1%}"
        assert shown["val"] == ""
        what = {"attention": "any attention", "blocks": "the four blocks"}.get(part, "this block's attention")
        assert shown["text"] == f"without {what}: {told[part]} of the image pixels change class"
    (owed,) = segmented.said["owed"]
    assert owed[0] == "What the blocks contribute"
    assert f"all attention, and {told['attention']} of" in owed[1] and f"and {told['blocks']} do" in owed[1]


def test_what_it_would_say_after_each_block_is_shown_with_what_changed(segmented: Whole) -> None:
    size, shown = fitted(segmented.photo, COMPARED), stops(segmented)
    assert segmented.told("lens")["type"] == "u1" and len(shown) == len(segmented.said["lens"]) + 1 == 5
    for blocks, labels in enumerate(shown):
        assert np.array_equal(labels, segment(stopped(segmented.model, segmented.run, blocks), size).labels)
    assert np.array_equal(shown[-1], classes_shown(segmented, "small"))
    for block, told in enumerate(segmented.said["lens"]):
        before, after = shown[block : block + 2]
        assert told["share"] == pytest.approx((before != after).mean())
        for own in told["classes"]:
            assert own["before"] == pytest.approx((before == own["class"]).mean())
            assert own["after"] == pytest.approx((after == own["class"]).mean())


def test_scores_are_of_the_classes_that_win_most_pixels(segmented: Whole) -> None:
    winners = segmented.said["winners"]
    assert winners == [entry["class"] for entry in segmented.said["legend"] if entry["share"]][:SCORES]
    own = segmented.run["class_scores"][0, winners]
    assert segmented.near("scores", averaged(own.numpy(), PYRAMID_CELLS))


def test_a_backbone_ends_with_its_last_block(shown: Callable[[str], Whole]) -> None:
    sent = shown("backbone")
    assert not {"classes", "legend", "without", "owed", "winners", "lens"} & sent.said.keys()
    assert not {"gate1.mean", "labels", "small", "sure", "scores", "lens"} & sent.header["tensors"].keys()
    assert list(sent.parts)[-1] == "block4"


def test_many_classes_are_told_apart_here(shown: Callable[[str], Whole]) -> None:
    """Or the tests above would see one class everywhere."""
    assert [sum(entry["share"] > 0 for entry in shown(name).said["legend"]) for name in ("portrait", "square")] == [
        8,
        19,
    ]
    assert sum(entry["share"] > 0 for entry in shown("landscape, 150 classes").said["legend"]) > 30


def test_more_classes_than_a_picture_can_tell_apart_are_no_error(
    varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]
) -> None:
    model, picture = TopFormer("tiny", 300).eval().requires_grad_(False), photo(64, 64)
    state = varied("tiny", 150).state_dict()
    head = [name for name in state if name.startswith("decode_head.conv_seg")]
    model.load_state_dict({name: t if name not in head else torch.cat([t, -t]) for name, t in state.items()})
    sent = show(model, picture, trace(model, picture))
    assert sent.said["set"] == "300 classes without names"
    assert sum(entry["share"] for entry in sent.said["legend"]) == pytest.approx(1)


def test_of_more_than_that_the_rarest_become_one(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole_module, "LEGEND", 3)
    monkeypatch.setattr(travelling, "LEGEND", 3)
    sent = show(undecided(tiny.model, tiny.photo), tiny.photo, tiny.run)
    assert [entry["class"] is None for entry in sent.said["legend"]] == [False, False, False, True]
    assert sum(entry["share"] for entry in sent.said["legend"]) == pytest.approx(1)
    labels = sent.tensor("labels")
    assert [(labels == place).mean() for place in range(4)] == pytest.approx([e["share"] for e in sent.said["legend"]])
    assert sent.said["rest"]["name"] == "the rarest classes"


# Parts


def test_parts_stand_in_the_order_of_computation(sent: Whole) -> None:
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
    assert list(sent.parts) == [part["name"] for part in sent.said["parts"]] == expected


def test_parts_say_the_shapes_of_the_run(sent: Whole) -> None:
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


def test_costs_are_counted_at_the_pictures_size_and_add_up(sent: Whole) -> None:
    counted = {
        c.part: [c.params, c.multiply_adds] for c in costs(sent.model.size, sent.model.classes, *sent.photo.size[::-1])
    }
    shown = dict(sent.said["costs"])
    assert shown.pop("all") == [sum(column) for column in zip(*counted.values(), strict=True)]
    assert shown == {
        re.sub(r"block(\d)", lambda m: f"block{int(m[1]) + 1}", part): cost for part, cost in counted.items()
    }
    assert shown.keys() <= sent.parts.keys()


# Words


def texts(part: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string of what is said and the name it stands under."""
    if isinstance(part, str):
        yield name, part
    elif isinstance(part, dict):
        for key, inner in part.items():
            yield from texts(inner, key)
    elif isinstance(part, list):
        for inner in part:
            yield from texts(inner, name)


def test_words_are_in_the_language_asked_for(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    english, chinese = (show(*portrait, lang, FACTS) for lang in ("en", "zh"))
    pairs = list(zip(texts(english.said), texts(chinese.said), strict=True))
    assert [name for (name, _), _ in pairs] == [name for _, (name, _) in pairs]
    same = {"formula", "shape", "sizes"}  # the same in both
    for (name, en), (_, zh) in pairs:
        if name not in same:
            assert not CHINESE.search(en), en
        if name in ("title", "note", "heads", "text", "val", "owed", "set"):
            assert CHINESE.search(zh), zh


def test_chinese_words_are_chinese_but_for_names(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    said = show(*portrait, "zh", FACTS).said
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
    for name, text in texts(said):
        if name in ("title", "short", "note", "heads", "name", "text", "val", "owed", "set") and CHINESE.search(text):
            found = set(re.findall("[A-Za-z]+", re.sub("<[^>]+>", " ", text)))
            assert found <= known, text


def test_html_closes_what_it_opens(sent: Whole) -> None:
    for part in sent.said["parts"]:
        for name in ("note", "formula", "shape"):
            tags = re.findall(r"<(/?)(\w+)[^>]*>", part[name])
            assert {tag for _, tag in tags} <= {"span", "code", "sub"}
            assert sum(-1 if closed else 1 for closed, _ in tags) == 0
            assert name == "formula" or not re.search(r"[{}]|\[\[|\]\]", part[name]), part[name]
        assert part["title"] and part["short"] and part["note"]


def test_what_was_measured_of_the_model_is_told(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    model, picture, run = portrait
    said = show(model, picture, run, facts=FACTS).said
    assert [entry["iou"] for entry in said["classes"]] == FACTS.iou
    told = [shown["val"] for shown in said["without"]]
    assert told == [f"mIoU, validation: 0.654 → {0.1 + n / 100:.3f}" for n in range(6)]
    owed, fails = said["owed"]
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
    model.class_names = ("<b>", "{share}", "c", "d", "e", "f", "g", "h")
    sent = show(model, picture, run)
    assert [entry["name"] for entry in sent.said["classes"]] == [*model.class_names]
    assert "<b>" not in "".join(part["note"] for part in sent.said["parts"])


def test_the_run_is_not_changed(portrait: tuple[TopFormer, Image.Image, Trace]) -> None:
    model, picture, run = portrait
    before = {name: tensor.clone() for name, tensor in run.items()}
    show(model, picture, run)
    assert all(torch.equal(run[name], tensor) for name, tensor in before.items())


# The book


def test_every_place_has_an_answer_and_every_answer_a_place(sent: Whole) -> None:
    known = Known.of(sent.run, sent.model)
    asked = set(places(known))
    assert asked == sent.header["answers"].keys()

    def lives(part: Any) -> Iterator[str]:
        if isinstance(part, dict) and "live" in part:
            yield key_of(part["live"], part["of"])
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from lives(inner)

    assert asked == set(lives(network_book(known, sent.model.spec, None, False, "en")))


def test_a_place_that_no_run_answers_is_an_error_as_the_book_is_made(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "places", lambda known: [p for p in places(known) if p != "passes gate2"])
    with pytest.raises(LookupError, match="no run answers 'passes gate2'"):
        network_book(Known.of(tiny.run, tiny.model), tiny.model.spec, None, False, "en")


def test_the_book_is_the_same_for_every_picture(
    varied: Callable[..., TopFormer], photo: Callable[..., Image.Image]
) -> None:
    model = varied("tiny", 19)
    books = [
        network_book(Known.of(trace(model, picture), model), model.spec, None, False, "zh")
        for picture in (photo(128, 192), Image.new("RGB", (192, 128)))
    ]
    assert books[0] == books[1]


def test_figures_and_the_page_say_the_same(segmented: Whole) -> None:
    seen, tokens = Seen(segmented.run, segmented.model), segmented.run.sizes["HW"]
    for n in range(4):
        said = [head_name(n, head, tokens)("en", seen, n) for head in range(segmented.run.sizes["heads"])]
        assert said == segmented.said["heads"][n]
        assert without_part(f"block{n}.projected")("en", seen, n) == segmented.said["without"][n]["text"]


# Size


@pytest.mark.parametrize("sides", [(512, 512), (512, 768)], ids=str)
def test_size_at_512(sides: tuple[int, int]) -> None:
    model, picture = load_model("everyday"), open_sample("street").resize(sides[::-1])
    assert isinstance(model, TopFormer)
    run = trace(model, picture)
    assert len(whole_message(run, model, picture, "a run")) < 400_000
    for lang in LANGS:
        assert len(book.packed(network_book(Known.of(run, model), model.spec, facts(), False, lang))) < 6_000


def test_the_legend_goes_by_share_alone(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by how many of the pictures with a part taken away have the class."""

    def made(scores: torch.Tensor, size: tuple[int, int]) -> Segmentation:
        labels = torch.zeros(size, dtype=torch.int64)
        labels[0, :5] = 1
        if max(size) == SEGMENTATION:
            labels[1, :7] = 2
        return Segmentation(labels, torch.ones(size))

    monkeypatch.setattr(whole_module, "segment", made)
    shares = [entry["share"] for entry in show(tiny.model, tiny.photo, tiny.run).said["legend"]]
    assert shares == sorted(shares, reverse=True)


def test_an_untrained_networks_segmentation_is_evidence_of_nothing(tiny) -> None:
    (random,) = show(tiny.model, tiny.photo, tiny.run, untrained=True).said["owed"]
    assert random[1] == NOT_EVIDENCE("en")


# In the app


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_shows_every_part_and_its_cost(lang: str) -> None:
    app = open_app("network", lang=lang, size="256", part="block2")
    header, said = message(app).header, book_of(app)
    assert (header["lang"], header["asked"]) == (lang, "block2")
    assert len(said["parts"]) == 16
    assert said["costs"]["all"][0] == sum(p.numel() for p in load_model("everyday").parameters())
    (table,) = re.findall("<table>.*?</table>", markup(app), re.S)
    assert "34.6%" in table and f"{said['costs']['all'][0]:,}" in table


def test_another_language_brings_another_book_and_the_same_maps() -> None:
    english, chinese = (open_app("network", lang=lang, size="256") for lang in ("en", "zh"))
    told = [message(app).header for app in (english, chinese)]
    assert told[0]["run"] == told[1]["run"] and told[0]["book"] != told[1]["book"]
    assert len(message(english).body) == 0 and len(json.dumps(told)) < 2_000


def test_the_page_asks_for_no_run_once_its_maps_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rerun needs of the model and the picture is known of the run's shape."""
    app = open_app("network", size="256", lang="en")

    def computed(view: View) -> None:
        raise AssertionError("asks for the full run")

    monkeypatch.setattr(View, "computed", property(computed))
    app.run()
    assert not app.exception, app.exception


def test_the_colour_model_has_no_network_to_show() -> None:
    app = open_app("network", model="colour")
    assert len(app.info) == 1
    assert not components(app)
