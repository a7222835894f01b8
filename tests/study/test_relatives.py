"""TopFormer's relatives: against what their authors' code and torch compute, and the lab's part that shows them."""

import gzip
import html
import inspect
import json
import re
import string
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pytest
import torch
from decoding import components, decode
from opening import HANDED, ROOT, markup, open_app
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from topformer_viz import load_model, trace
from topformer_viz.app.canvas.markup import formula_html
from topformer_viz.app.lab.relatives.payload import mark
from topformer_viz.app.lab.relatives.words import APART, COSTS, MEASURED, SEES, UI
from topformer_viz.figures.diagrams import shape_diagram
from topformer_viz.network.input import network_size
from topformer_viz.network.model import Attention
from topformer_viz.network.relatives import (
    LevitAttention,
    Residual,
    RopeAttention,
    VitAttention,
    draw,
    multiply_adds,
    nearest_heads,
    parameters,
    taken_over,
    unbiased,
)
from topformer_viz.network.samples import open_sample
from topformer_viz.run.stages import OPERATIONS, STAGES
from topformer_viz.run.tracing import ShapeError, trace_block
from topformer_viz.study.relatives import ROWS, Relative, equivariance, relatives
from topformer_viz.words.numbers import times
from topformer_viz.words.text import LANGS, Lang

SLUGS = ("topformer", "levit", "vit", "rope")
SVG = "{http://www.w3.org/2000/svg}"


@cache
def four(model: str, block: int = 0) -> dict[str, Relative]:
    """The relatives on the sample "coffee", 6 x 4 tokens for a TopFormer."""
    picture = open_sample("coffee")
    network = load_model(model)
    run = trace(network, picture.resize(network_size(*picture.size, 256)))
    return {relative.slug: relative for relative in relatives(network, run, block)}


@pytest.fixture(params=["everyday", "small", "colour"])
def found(request: pytest.FixtureRequest) -> dict[str, Relative]:
    return four(request.param)


def recorded(attention: nn.Module, x: Tensor) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    with torch.no_grad():
        attention.eval()(x, tensors.setdefault)
    return tensors


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# Against others' code


def test_levit_is_what_its_authors_code_computes(agree: Callable[..., None]) -> None:
    golden = np.load(ROOT / "tests" / "golden" / "levit_dim128_heads4_key16_ratio2_7x7.npz")
    levit = LevitAttention(128, 16, 4, 2, (7, 7))
    levit.load_state_dict({name[6:]: torch.from_numpy(golden[name]) for name in golden if name.startswith("param.")})
    x = torch.from_numpy(golden["x"])
    got = recorded(levit, x.mT.reshape(len(x), 128, 7, 7))
    got["key"], got["bias"] = got["key"].mT, got["bias"][0]
    names = {"x": "listed", "q": "query", "k": "key", "v": "value", "out": "projected_list"}
    names |= {name: name for name in ("bias", "scores", "weights", "mixed")}
    for name, stage in names.items():
        agree(got[stage], torch.from_numpy(golden[name]))


@pytest.mark.parametrize(
    ("dim", "heads", "grid"), [(208, 4, (8, 8)), (15, 3, (5, 7)), (64, 1, (1, 3)), (24, 24, (4, 4))]
)
def test_vit_is_torchs_multi_head_attention(
    agree: Callable[..., None], dim: int, heads: int, grid: tuple[int, int]
) -> None:
    torch.manual_seed(dim)
    mha = nn.MultiheadAttention(dim, heads, batch_first=True).eval()
    for bias in (mha.in_proj_bias, mha.out_proj.bias):
        nn.init.normal_(bias)
    vit = VitAttention(dim, heads)
    with torch.no_grad():
        for parameter in vit.norm.parameters():
            parameter.normal_()
        inputs = (vit.to_q, vit.to_k, vit.to_v)
        for layer, weight, bias in zip(inputs, mha.in_proj_weight.chunk(3), mha.in_proj_bias.chunk(3), strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        vit.proj.load_state_dict(mha.out_proj.state_dict())
        x = noise(2, dim, *grid)
        normed = vit.norm(x.flatten(2).mT)
        out, weights = mha(normed, normed, normed, need_weights=True, average_attn_weights=False)
    got = recorded(vit, x)
    agree(got["normed"], normed, 1e-5)
    agree(got["weights"], weights, 1e-5)
    agree(got["projected"], out.mT.reshape_as(x), 1e-5)


def test_fresh_weights_are_drawn_as_torchs() -> None:
    vit = VitAttention(208, 4)
    draw(vit)
    mha = nn.MultiheadAttention(208, 4)
    for layer in (vit.to_q, vit.to_k, vit.to_v):
        assert float(layer.weight.detach().abs().max()) == pytest.approx(
            float(mha.in_proj_weight.detach().abs().max()), rel=1e-2
        )
        assert float(layer.weight.detach().std()) == pytest.approx(float(mha.in_proj_weight.detach().std()), rel=2e-2)
        assert not layer.bias.any()
    assert float(vit.proj.weight.detach().std()) == pytest.approx(float(mha.out_proj.weight.detach().std()), rel=2e-2)
    assert not vit.proj.bias.any()
    again = VitAttention(208, 8)
    draw(again)
    assert torch.equal(vit.to_k.weight, again.to_k.weight)  # seeded, and the head count plays no part
    assert not torch.equal(vit.to_k.weight, vit.to_q.weight)


# LeViT


def test_levit_takes_topformers_weights_over(agree: Callable[..., None], found: dict[str, Relative]) -> None:
    own, levit = found["topformer"], found["levit"]
    assert isinstance(own.module, Attention) and isinstance(levit.module, LevitAttention)
    plain = recorded(unbiased(levit.module), own.run["tokens"])
    for stage in ("query", "key", "value"):
        agree(plain[stage], own.run[stage], 1e-5)
    agree(plain["scores"] * own.module.key_dim**0.5, own.run["scores"])
    agree(levit.run["scores"] - plain["scores"], levit.run["bias"], 1e-3)
    with torch.inference_mode():
        projected = levit.module.proj[1](own.run["activated"].flatten(2).mT)
    agree(projected.mT.reshape_as(own.run["tokens"]), own.run["projected"])


def test_levits_biases_are_drawn_and_depend_on_the_offset_alone(found: dict[str, Relative]) -> None:
    levit = found["levit"]
    bias, (H, W) = levit.run["bias"][0], (levit.run.sizes["H"], levit.run.sizes["W"])
    table = levit.module.get_parameter("attention_biases").detach()
    assert table.shape == (levit.run.sizes["heads"], H * W)
    assert abs(float(table.mean())) < 0.3 and 0.8 < float(table.std()) < 1.2
    for i, j in ((0, 0), (0, W + 2), (W + 2, 0), (2 * W + 3, W + 1), (H * W - 1, 0)):
        rows, columns = abs(i // W - j // W), abs(i % W - j % W)
        assert torch.equal(bias[:, i, j], table[:, rows * W + columns])
    assert torch.equal(bias, bias.mT)
    other = taken_over(four("everyday")["topformer"].module, (3, 2), seed=1).attention_biases
    assert not torch.equal(other[:, :6], taken_over(four("everyday")["topformer"].module, (3, 2)).attention_biases)


# RoPE


@pytest.mark.parametrize(("dim", "heads", "turned"), [(48, 3, 16), (15, 3, 4), (14, 2, 4)])
def test_ropes_scores_depend_on_the_offset_alone(agree: Callable[..., None], dim: int, heads: int, turned: int) -> None:
    rope = RopeAttention(dim, heads)
    draw(rope)
    H, W = 4, 5
    got = recorded(rope, noise(1, dim, 1, 1).expand(1, dim, H, W))  # the same content everywhere
    scores = got["scores"][0].reshape(heads, H, W, H, W)
    assert float(scores[:, 0, 0].std()) > 1e-3  # and yet they differ
    agree(scores[:, 1:, 1:, 1:, 1:], scores[:, :-1, :-1, :-1, :-1], 1e-5)
    agree(scores[:, :-1, 1:, :-1, 1:], scores[:, 1:, :-1, 1:, :-1], 1e-5)
    assert float((scores[:, 0, 0, 0, 1] - scores[:, 0, 0, 1, 0]).abs().max()) > 1e-5  # rows and columns are told apart
    for name in ("query", "key"):
        before, after = (got[stage] if name == "query" else got[stage].mT for stage in (name, f"rotated_{name}"))
        agree(after.norm(dim=-1), before.norm(dim=-1), 1e-5)
        assert torch.equal(after[..., turned:], before[..., turned:])
        assert torch.equal(after[:, :, 0], before[:, :, 0])  # token 0 is not turned
        assert float((after - before)[:, :, -1, :turned].abs().min()) > 0


def test_rope_turns_the_first_half_by_rows_and_the_second_by_columns() -> None:
    rope = RopeAttention(16, 2)  # key_dim 8: two pairs for rows, two for columns
    angles = rope.angles((3, 2))
    assert angles.shape == (6, 4)
    # After Heo et al.: 100 ** (-t / (key_dim / 4)) radians a token.
    assert torch.allclose(angles[2 * 2 + 1], torch.tensor([2, 2 * 0.1, 1, 0.1]))


# Heads


@pytest.mark.parametrize(
    ("dim", "heads", "multiple", "nearest"),
    [
        (208, 4, 1, 4), (296, 6, 1, 4), (384, 8, 1, 8), (15, 4, 1, 3), (13, 6, 1, 1), (13, 8, 1, 13), (12, 5, 1, 4),
        (208, 4, 4, 4), (296, 6, 4, 2), (384, 8, 4, 8), (12, 4, 4, 3),
    ],
)  # fmt: skip
def test_nearest_heads(dim: int, heads: int, multiple: int, nearest: int) -> None:
    assert nearest_heads(dim, heads, multiple) == nearest


def test_heads_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="no number of heads divides 15 channels into multiples of 4"):
        nearest_heads(15, 4, 4)
    with pytest.raises(ValueError, match="4 heads do not divide 15 channels"):
        VitAttention(15, 4)


@pytest.mark.parametrize(
    ("model", "heads", "said"),
    [
        ("everyday", (4, 4, 4, 4), ([], [])),
        ("small", (6, 6, 4, 2), (["6", "296", "4"], ["6", "4", "296", "2"])),
        ("colour", (4, 4, 3, 3), (["4", "15", "3"], ["3", "15", "4", "4", "5"])),
    ],
)
def test_other_head_counts_are_said(model: str, heads: tuple[int, ...], said: tuple[list[str], list[str]]) -> None:
    found = four(model)
    assert tuple(relative.run.sizes["heads"] for relative in found.values()) == heads
    for slug, numbers in zip(("vit", "rope"), said, strict=True):
        note = found[slug].heads_note
        for lang in LANGS:
            assert sorted(re.findall(r"\d+", note(lang) if note else "")) == sorted(numbers)
    assert found["topformer"].heads_note is found["levit"].heads_note is None


# Traces and stages


def test_topformers_own_is_the_runs(tiny) -> None:
    for block in (0, 3):
        own = relatives(tiny.model, tiny.run, block)[0].run
        assert list(own) == [
            *(name for name in STAGES if f"block0.{name}" in tiny.run and name not in ("mlp", "output"))
        ]
        for name, tensor in own.items():
            assert torch.equal(tensor, tiny.run[f"block{block}.{name}"]), name


def test_all_four_read_the_same_tokens_and_end_alike(found: dict[str, Relative], agree: Callable[..., None]) -> None:
    assert tuple(found) == SLUGS
    tokens = found["topformer"].run["tokens"]
    for relative in found.values():
        assert torch.equal(relative.run["tokens"], tokens)
        assert relative.run["residual"].shape == tokens.shape
        agree(relative.run["residual"], tokens + relative.run["projected"], 1e-6)
        agree(relative.run["weights"].sum(-1), torch.ones(relative.run["weights"].shape[:-1]), 1e-5)


@pytest.mark.parametrize("slug", SLUGS)
def test_stages_are_those_of_the_trace_in_the_order_of_their_sources(slug: str) -> None:
    relative = four("colour")[slug]
    assert set(relative.run) == set(relative.stages)
    order = list(relative.run)
    for name, stage in relative.stages.items():
        assert stage.name == name
        assert tuple(relative.run[name].shape) == tuple(relative.run.sizes[axis] for axis in stage.axes)
        assert all(step.operation in OPERATIONS for step in stage.steps)
        assert all(order.index(source) < order.index(name) for source in stage.sources)
        assert stage.formula.startswith(name)
        html_ = formula_html(stage.formula)
        assert "_{" not in html_ and "{" not in html_
        assert sum(name in names for names in ROWS) == 1


def test_every_row_of_stages_is_somebodys() -> None:
    for names in ROWS:
        for relative in four("colour").values():
            assert sum(name in relative.stages for name in names) <= 1
        assert any(name in relative.stages for relative in four("colour").values() for name in names)


def test_a_wrong_shape_is_found() -> None:
    vit = four("colour")["vit"]

    def wrong(name: str, tensor: Tensor) -> Tensor:
        return tensor.mT if name == "key_list" else tensor

    with pytest.raises((ShapeError, RuntimeError)):
        trace_block(Residual(vit.module), vit.run["tokens"], wrong, vit.axes_of)
    with pytest.raises(ShapeError, match="listed is declared"):
        trace_block(
            Residual(vit.module),
            vit.run["tokens"],
            axes=lambda name: ("B", "C", "HW") if name == "listed" else vit.axes_of(name),
        )


@pytest.mark.parametrize("lang", LANGS)
def test_every_stage_has_a_diagram_whose_chips_name_its_axes(lang: Lang) -> None:
    for relative in four("small").values():
        for name, stage in relative.stages.items():
            sizes = relative.run.sizes
            svg = ET.fromstring(shape_diagram(stage, name, list(stage.sources), sizes, lang, relative.axes_of))
            drawn = svg.findall(f"{SVG}g[@class='tensor']")
            assert len(drawn) == len(stage.sources) + len(stage.steps)
            chips = [[t.text for t in chip.findall(f"{SVG}text")] for chip in drawn[-1].findall(f"{SVG}g")]
            assert chips == [[axis, str(sizes[axis])] for axis in stage.axes]


@pytest.mark.parametrize("lang", LANGS)
def test_notes_are_filled_with_the_sizes(lang: Lang) -> None:
    for relative in four("small").values():
        for name, stage in relative.stages.items():
            if stage is not STAGES.get(name):
                note = stage.note(lang, **relative.run.sizes)
                assert "{" not in note
                for _, field, _, _ in string.Formatter().parse(stage.note(lang)):
                    assert field is None or str(relative.run.sizes[field]) in note


# Costs


def test_parameters(found: dict[str, Relative]) -> None:
    for relative in found.values():
        sizes = relative.run.sizes
        C, heads, dh, HW = (sizes[axis] for axis in ("C", "heads", "dh", "HW"))
        if relative.slug in ("topformer", "levit"):
            projections = C * (2 * heads * sizes["key_dim"] + 2 * dh)
            norms = 2 * (2 * heads * sizes["key_dim"] + dh + C)
            expected = projections + norms + (heads * HW if relative.slug == "levit" else 0)
        else:
            expected = 4 * (C * C + C) + 2 * C
        assert parameters(relative.module) == expected


def test_multiply_adds_are_half_of_torchs_flops(found: dict[str, Relative]) -> None:
    for relative in found.values():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            relative.module(relative.run["tokens"].clone())
        HW = relative.run.sizes["HW"]
        assert multiply_adds(relative.module, HW) == counter.get_total_flops() // 2


# Position


@pytest.mark.parametrize("model", ["everyday", "tiny", "colour"])  # trained, as built (where "projected" is 0), by hand
def test_who_notices_that_tokens_are_shuffled(model: str) -> None:
    found = four(model)
    tokens = found["topformer"].run["tokens"]
    noticed = {slug: equivariance(relative.module, tokens) for slug, relative in found.items()}
    assert noticed["topformer"] < 5e-6 and noticed["vit"] < 5e-6
    assert noticed["levit"] > 0.05 and noticed["rope"] > 0.005
    levit = found["levit"].module
    assert isinstance(levit, LevitAttention)
    assert equivariance(unbiased(levit), tokens) < 5e-6
    assert levit.attention_biases.any()  # the copy alone lost them


def test_nothing_mixed_is_nothing_noticed() -> None:
    assert equivariance(VitAttention(8, 2).requires_grad_(False), torch.zeros(1, 8, 2, 2)) >= 0
    attention = Attention(8, 2, 2, 2).eval()
    assert equivariance(attention, torch.zeros(1, 8, 2, 2)) == 0


# The page


open_page = partial(open_app, "lab", part="relatives", sample="coffee", size="256")


def stages(app: AppTest) -> str:
    _, component = components(app)
    return json.loads(gzip.decompress(HANDED[decode(component.proto.bytes).header["book"]]))["html"]


def words(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", text)))


def table(app: AppTest) -> list[list[str]]:
    (found,) = re.findall(r"<table>.*?</table>", markup(app), re.S)
    found = re.sub(r'<span class="tip".*?</span>', "", found)
    rows = re.findall(r"<tr.*?</tr>", found, re.S)
    return [[words(cell).strip() for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)] for row in rows]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("model", ["everyday", "colour"])
def test_the_page_shows_numbers_and_words_of_the_four(lang: Lang, model: str) -> None:
    app, found = open_page(lang=lang, model=model), four(model)
    rows = {row[0]: row[1:] for row in table(app)}
    names = [relative.name(lang) for relative in found.values()]
    assert rows[UI["attention"](lang)] == names
    HW = found["topformer"].run.sizes["HW"]
    if model == "everyday":  # the colour model's own grid is that of the page, not of the picture alone
        label = {name: text(lang, HW=HW) for name, text in MEASURED.items()}
        assert rows[label["parameters"]] == [f"{parameters(relative.module):,}" for relative in found.values()]
        assert rows[label["multiply_adds"]] == [
            f"{multiply_adds(relative.module, HW):,}" for relative in found.values()
        ]
    said = UI["rounding"](lang, value="").lstrip(":："), UI["visible"](lang, value="").lstrip(":：")
    shuffled = rows[MEASURED["shuffled"](lang)]
    assert [said[0] in cell for cell in shuffled] == [True, True, True, False]
    assert [said[1] in cell for cell in shuffled] == [False, True, False, True]
    shown = words(markup(app) + stages(app))
    for relative in found.values():
        assert relative.weights(lang) in shown
        assert relative.heads_note is None or relative.heads_note(lang) in shown
        for stage in relative.stages.values():
            assert stage.title(lang) in shown
    assert len(re.findall(r"<section>", stages(app))) == len(ROWS)
    assert not re.search(r"\{\w+\}", shown.replace("{block}", ""))


@pytest.mark.parametrize("lang", LANGS)
def test_the_lines_at_the_top_say_what_was_counted_and_measured(lang: Lang) -> None:
    page, found = markup(open_page(lang=lang)), four("everyday")
    lines = [line for line in page.split("- ") if any(text(lang) in line for text in APART.values())]
    own = found["topformer"]
    adds = {slug: multiply_adds(relative.module, own.run.sizes["HW"]) for slug, relative in found.items()}
    assert len(lines) == 3
    for line, (slug, sees) in zip(lines, (("levit", True), ("vit", False), ("rope", True)), strict=True):
        assert APART[slug](lang) in line and SEES[sees](lang) in line
        assert COSTS(lang, ratio=times(adds[slug] / adds["topformer"])) in line


def test_design_is_marked_where_it_differs() -> None:
    rows = {row[0]: row[1:] for row in table(open_page(lang="en"))}
    marks = {label: [cell.startswith("≠") for cell in cells] for label, cells in rows.items() if len(cells) == 4}
    assert marks["heads"] == [False] * 4
    assert marks["key_dim"] == marks["normalisation"] == [False, False, True, True]
    assert marks["scores divided by"] == [False, True, True, True]
    assert marks["added to the scores"] == [False, True, False, False]
    assert marks["parameters"] == [False] * 4
    found = four("everyday")
    own = found["topformer"].stages
    assert mark(found["levit"].stages["weights"], own["weights"]) == ""
    assert mark(found["levit"].stages["scores"], own["scores"]) == "≠"
    assert mark(found["levit"].stages["bias"], own.get("bias")) == "+"
    assert mark(None, own["activated"]) == "–"


def test_another_block_is_another_run_and_stands_in_the_address() -> None:
    app = open_page(lang="en", block="3")
    assert "tokens of block 3" in markup(app)
    script = next(str(e.proto.body) for e in app.get("html") if "replaceState" in str(e.proto.body))
    assert '"part": "relatives"' in script and '"block": 3' in script
    (group,) = [g for g in app.get("button_group") if g.label == "Block"]
    group.set_value(1).run()
    assert not app.exception and "tokens of block 1" in markup(app)


def test_the_page_shows_the_source_that_ran() -> None:
    shown = [block.value for block in open_page(lang="en").get("code")]
    assert len(shown) == len(SLUGS)
    for source, relative in zip(shown, four("everyday").values(), strict=True):
        assert inspect.getsource(type(relative.module)).rstrip() in source
