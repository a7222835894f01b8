"""The page Initialisation: its readouts on small images, and the page through Streamlit's AppTest."""

import html
import io
import json
import math
import re
from functools import cache, partial

import numpy as np
import pytest
import torch
from opening import HANDED, choose, markup, open_app
from PIL import Image
from streamlit.testing.v1 import AppTest

from topformer_viz import load_model, trace
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.starts import words
from topformer_viz.app.starts.maps import as_image
from topformer_viz.app.starts.readings import sentence
from topformer_viz.network.colour import Model
from topformer_viz.network.initialise import reinitialised, with_batch_statistics
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import open_sample
from topformer_viz.run.measures import MEAN
from topformer_viz.server.store import STORE
from topformer_viz.study import starts
from topformer_viz.study.starts import BlockReading
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.numbers import three_digits
from topformer_viz.words.text import LANGS, Lang

SAMPLE, SIDE = "coffee", 256  # 6 x 4 tokens
SIX = [(start, statistics) for start in words.STARTS for statistics in words.STATISTICS]


@cache
def photo() -> Image.Image:
    picture = open_sample(SAMPLE)
    return picture.resize(network_size(*picture.size, SIDE), Image.Resampling.LANCZOS)


@cache
def model(start: str, statistics: str = "stored", seed: int = 0) -> Model:
    made = load_model("everyday") if start == "trained" else load_model("tiny", seed=seed)
    if start == "reinitialised":
        assert isinstance(made, TopFormer)
        made = reinitialised(made, seed=seed)
    return with_batch_statistics(made, to_tensor(photo())) if statistics == "own" else made


@cache
def readings(start: str, statistics: str, seed: int = 0) -> tuple[BlockReading, ...]:
    return starts.read(model(start, statistics, seed), to_tensor(photo()))


def made(effective: tuple[float, ...], peak: float = 0.1, largest: float = 1.0, tokens: int = 24) -> BlockReading:
    each = (peak,) * len(effective)
    weights = torch.full((len(effective), tokens, tokens), 1 / tokens)
    return BlockReading(weights, effective, effective, each, each, each, largest, largest, largest / 3, 1.0)


# The readouts


@pytest.mark.parametrize("statistics", words.STATISTICS)
@pytest.mark.parametrize("seed", range(starts.DRAWS))
def test_as_built_the_attention_gives_exactly_0(statistics: str, seed: int) -> None:
    for block in readings("built", statistics, seed):
        assert (block.largest, block.projected, block.changed) == (0, 0, 0)
        assert block.grown > 1  # and yet the block is neither zero nor the identity


@pytest.mark.parametrize("start", ["reinitialised", "trained"])
@pytest.mark.parametrize("statistics", words.STATISTICS)
def test_after_that_it_does_not(start: str, statistics: str) -> None:
    for block in readings(start, statistics):
        assert block.largest > block.projected > 0
        assert block.changed > 0


@pytest.mark.parametrize("seed", range(starts.DRAWS))
def test_rows_of_random_networks_are_what_the_page_says_of_any_draw(seed: int) -> None:
    kinds = {("built", "stored"): "uniform", ("built", "own"): "peaked"}
    kinds |= {("reinitialised", "stored"): "one-hot", ("reinitialised", "own"): "peaked"}
    for (start, statistics), kind in kinds.items():
        for block in readings(start, statistics, seed):
            assert {starts.kind(block, head) for head in (MEAN, 1, 2, 3, 4)} == {kind}, (start, statistics)


@pytest.mark.parametrize("start", ["built", "reinitialised"])
def test_own_statistics_give_scores_a_deviation_of_about_4_and_the_scale_flattens_rows(start: str) -> None:
    for block in readings(start, "own"):
        for head in range(4):
            assert 3 < block.deviation[head] < 5
            assert block.effective[head] < 5 < 14 < block.scaled[head] < 24


def test_own_statistics_settle_the_size_of_projected() -> None:
    for block in readings("reinitialised", "own"):
        assert block.projected == pytest.approx(1, abs=1e-3)
    network = model("trained", "own")
    for n, block in enumerate(readings("trained", "own")):
        norm = network.get_submodule(f"backbone.trans.transformer_blocks.{n}.attn.proj.1.bn")
        size = float((norm.weight.square() + norm.bias.square()).mean().sqrt().detach())
        assert block.projected == pytest.approx(size, rel=1e-2)


@pytest.mark.parametrize(("start", "statistics"), SIX)
def test_readouts_are_those_of_a_direct_trace(start: str, statistics: str) -> None:
    network = model(start, statistics)
    run = trace(network, photo())
    for n, block in enumerate(readings(start, statistics)):
        weights, scores, x, projected, output = (
            run[f"block{n}.{name}"].double() for name in ("weights", "scores", "tokens", "projected", "output")
        )
        with torch.no_grad():
            mlp = network.get_submodule(f"backbone.trans.transformer_blocks.{n}.mlp")(x.float()).double()
        scaled = (scores / 4).softmax(-1)
        assert block.weights.shape == (4, 24, 24)
        assert torch.allclose(block.weights.double(), weights[0], atol=5e-4)
        for head in range(4):
            rows = weights[0, head].numpy()
            entropy = [-sum(p * math.log(p) for p in row if p > 0) for row in rows]
            assert block.effective[head] == pytest.approx(np.mean(np.exp(entropy)), rel=1e-4)
            assert block.peak[head] == pytest.approx(rows.max(1).mean(), rel=1e-4)
            assert block.favourites[head] == len(set(rows.argmax(1)))
            entropy = [-sum(p * math.log(p) for p in row if p > 0) for row in scaled[0, head].numpy()]
            assert block.scaled[head] == pytest.approx(np.mean(np.exp(entropy)), rel=1e-4)
            assert block.deviation[head] == pytest.approx(scores[0, head].numpy().std(1).mean(), rel=1e-3, abs=1e-7)
        assert block.largest == pytest.approx(float(projected.abs().max()))

        def rms(values: torch.Tensor) -> float:
            return float(values.norm()) / math.sqrt(values.numel())

        assert block.projected == pytest.approx(rms(projected))
        assert block.changed == pytest.approx(rms(output - x - mlp) / rms(output), rel=1e-4, abs=1e-6)
        assert block.grown == pytest.approx(rms(output) / rms(x))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (124, 116, 104)])
def test_a_picture_without_anything_on_it_has_finite_numbers(colour: tuple[int, int, int]) -> None:
    image = to_tensor(Image.new("RGB", (128, 128), colour))
    network = model("reinitialised")
    for statistics in (network, with_batch_statistics(network, image)):
        for block in starts.read(statistics, image):
            values = [block.of(name, MEAN) for name in words.READOUTS]
            assert all(math.isfinite(v) for v in values), values


def test_a_sentence_follows_from_the_numbers() -> None:
    def says(reading: BlockReading, head: int, lang: Lang = "en") -> str:
        return sentence(reading, head, lang)

    even, sharp = made((24.0,) * 4, largest=0), made((1.2,) * 4)
    assert says(even, 1) == (
        "Every row is uniform: each token reads all 24 equally. "
        "Attention adds exactly 0: none of this reaches the block's output."
    )
    assert says(sharp, 2).startswith(
        "Every row is nearly one-hot: each token reads about one, and over all 24 rows only"
    )
    assert says(sharp, MEAN).startswith("Every row of every head is nearly one-hot")
    assert "is 33.3%." in says(sharp, 2)
    assert says(made((5.0,) * 4, peak=0.5), 1).startswith("Rows are peaked: on average one token has 50% of")
    assert says(made((9.0,) * 4), 1, "zh").startswith("每一行都分散：权重大约分散在 9 个 token 上")
    mixed = made((1.2, 24.0, 9.0, 9.0))
    assert [starts.kind(mixed, head) for head in range(1, 5)] == ["one-hot", "uniform", "flat", "flat"]
    assert starts.kind(mixed, MEAN) == "flat"


def test_a_picture_of_weights_runs_from_0_by_the_square_root() -> None:
    shown = as_image(torch.tensor([[0.0, 0.25], [1.0, 2.0]]), 1.0)
    assert shown.size == (2, 2)
    assert np.array(shown).tolist() == [[0, 128], [255, 255]]
    colours = np.array(shown.convert("RGB"))
    assert tuple(colours[0, 0]) == (0x44, 0x01, 0x54)
    assert tuple(colours[1, 0]) == (0xFD, 0xE7, 0x25)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1318.8, "1,319"),
        (232.4, "232"),
        (3.864, "3.86"),
        (1.0, "1.00"),
        (99.97, "100"),
        (0.0131, "0.0131"),
        (5.31e-5, "5.3e−5"),
        (2e-12, "2.0e−12"),
    ],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert three_digits(value) == shown


# The page


open_page = partial(open_app, "starts", sample=SAMPLE, size=str(SIDE))


def inner(pattern: str, text: str) -> list[str]:
    return [html.unescape(re.sub("<[^>]*>", "", found)) for found in re.findall(pattern, text, re.S)]


def sentences(app: AppTest) -> list[str]:
    return inner(r'<p class="says">(.*?)</p>', markup(app))


def expected(block: int, head: int, lang: Lang = "en", seed: int = 0) -> list[str]:
    """The six sentences in the order of the page: a row the statistics, a column a start."""
    seeds = {"built": seed, "reinitialised": seed, "trained": 0}
    return [
        sentence(readings(start, statistics, seeds[start])[block - 1], head, lang)
        for statistics in words.STATISTICS
        for start in words.STARTS
    ]


def pictures(app: AppTest) -> list[np.ndarray]:
    """The twelve pictures of weights as RGB arrays: of each run the matrix, then the query's map."""
    found = re.findall(r'<img[^>]*src="(media/.*?)"', markup(app).replace("mock/media", "media"))
    return [np.array(Image.open(io.BytesIO(HANDED[f"mock/{at}"])).convert("RGB")) for at in found]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_says_what_the_six_runs_are(lang: Lang) -> None:
    app = open_page(lang=lang)
    page = html.unescape(markup(app))
    assert sentences(app) == expected(1, 1, lang)
    cells = inner(r'<p class="which">(.*?)</p>', page)
    assert len(cells) == 6
    assert [NOT_EVIDENCE(lang) in cell for cell in cells] == [True, True, False] * 2
    for name, _ in (*words.STARTS.values(), *words.STATISTICS.values()):
        assert sum(name(lang) in cell for cell in cells) in (2, 3)
    for name, caption in words.STATISTICS.values():
        assert f"<h4>{name(lang)}</h4><p>{note_html(caption(lang), lang)}</p>" in markup(app)
    assert note_html(words.UI["intro"](lang, size="tiny"), lang) in markup(app) and NOT_EVIDENCE(lang) in page
    folds = [fold.label.strip("*") for fold in app.expander]
    assert folds == [words.UI[name](lang) for name in ("in_numbers", "peaked", *words.EXPLAINED)]
    assert not any(fold.proto.expanded for fold in app.expander)
    for paragraphs in words.EXPLAINED.values():
        assert all(note_html(paragraph(lang), lang) in markup(app) for paragraph in paragraphs)
    alts = re.findall(r'<img[^>]*alt="(.*?)"', markup(app))
    assert len(alts) == 12 and all(len(alt) > 20 for alt in alts)
    assert not re.search(r"\{\w+\}", re.sub("<style>.*?</style>", "", page, flags=re.S).split("</script>")[-1])


def test_the_table_shows_the_numbers_of_a_direct_trace() -> None:
    summary, table, peaked = re.findall(r"<table>.*?</table>", markup(open_page(lang="en", block="2")), re.S)
    rows = [inner(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.S)]
    assert rows[0][1:] == ["Untrained (default init)", "Untrained (authors' init)", "Trained"]
    assert [len(row) for row in rows] == [4, 1, *[4] * 8, 1, *[4] * 8]
    for at, statistics in ((2, "stored"), (11, "own")):
        for column, start in enumerate(words.STARTS, 1):
            run = trace(model(start, statistics), photo())
            weights, projected = run["block1.weights"][0, 0].double(), run["block1.projected"].double()
            effective = float(torch.special.entr(weights).sum(-1).exp().mean())
            shown = [row[column] for row in rows[at : at + 8]]
            assert shown[0] == f"{effective:.1f}"
            assert shown[4] == ("exactly 0" if start == "built" else three_digits(float(projected.abs().max())))
            assert (shown[5] == "exactly 0") == (shown[6] == "exactly 0") == (start == "built")
    assert rows[5][1] == "–"  # no favourites among equals
    rows = [inner(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", peaked, re.S)]
    assert len(rows) == 7
    low, high = (f(x for block in readings("trained", "own") for x in block.effective) for f in (min, max))
    assert rows[6][:2] == ["Trained · This image's statistics", f"{low:.1f} to {high:.1f}"]
    assert rows[1][1:3] == ["24.0", "24.0"]
    rows = [inner(r"<t[hd].*?>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", summary, re.S)]
    assert [row[0].startswith(text("en")) for row, (text, _) in zip(rows[1:], words.STARTS.values(), strict=True)] == [
        True
    ] * 3
    assert rows[1][1:] == ["uniform24.0 effective tokens", rows[1][2], "exactly 0"] and rows[1][2].startswith("peaked")
    assert rows[2][1].startswith("nearly one-hot") and rows[3][2].endswith(f"{low:.1f} to {high:.1f} effective tokens")
    shares = [block.changed for block in readings("trained", "stored")]
    assert rows[3][3] == f"{min(shares):.1%} to {max(shares):.1%}"


def test_block_head_and_draw_lead_to_other_runs() -> None:
    app = open_page(lang="en")
    choose(app, "Block", 3)
    choose(app, "Head", 2)
    assert sentences(app) == expected(3, 2)
    assert "Block 3, head 2, in numbers" in markup(app)
    choose(app, "Head", MEAN)
    assert sentences(app) == expected(3, MEAN)
    before = pictures(app)
    choose(app, "Random seed", 2)
    assert sentences(app) == expected(3, MEAN, seed=1)
    same = [np.array_equal(a, b) for a, b in zip(before, pictures(app), strict=True)]
    assert same[6] is False  # default init, own statistics
    assert all(same[i] for i in (4, 5, 10, 11)), same  # trained: there is nothing to draw
    assert app.session_state["block"] == 3  # the lesson's choice of block is this one


def test_the_matrix_and_the_querys_row_are_the_traces() -> None:
    app = open_page(lang="en")
    for group in app.get("number_input"):
        assert group.value == {"Query's row": 3, "Query's column": 4}[group.label]
    choose(app, "Colour scale", "each")
    shown = pictures(app)
    order = [(start, statistics) for statistics in words.STATISTICS for start in words.STARTS]
    for i, which in enumerate(order):
        weights = readings(*which)[0].weights[0].float()
        assert np.array_equal(shown[2 * i], as_image(weights, float(weights.max())).convert("RGB"))
        row = weights[2 * 6 + 3].reshape(4, 6)
        assert np.array_equal(shown[2 * i + 1], as_image(row, float(row.max())).convert("RGB"))
    for group, value in zip(app.get("number_input"), (1, 6), strict=True):
        group.set_value(value)
    app.run()
    assert not app.exception
    row = readings("trained", "own")[0].weights[0, 5].float().reshape(4, 6)
    assert np.array_equal(pictures(app)[11], as_image(row, float(row.max())).convert("RGB"))
    place = int(row.argmax())
    top = f"{float(row.max()):#.2g}, in row {place // 6 + 1}, column {place % 6 + 1}."
    assert f"What the token in row 1, column 6 reads: at most {top}" in markup(app)


def test_one_scale_for_all_runs_from_0_to_1() -> None:
    shown = pictures(open_page(lang="en"))
    for at, which in ((0, ("built", "stored")), (10, ("trained", "own"))):
        weights = readings(*which)[0].weights[0].float()
        assert np.array_equal(shown[at], as_image(weights, 1).convert("RGB"))
    assert len(np.unique(shown[0].reshape(-1, 3), axis=0)) == 1  # equal weights look equal


def test_a_query_outside_a_smaller_picture_goes_back_to_the_centre() -> None:
    app = open_page(lang="en")
    next(g for g in app.get("number_input") if g.label == "Query's column").set_value(6).run()
    app.session_state["picture"] = "astronaut"  # 4 x 4 tokens
    app.run()
    assert not app.exception
    assert [g.value for g in app.get("number_input")] == [3, 3]


def test_runs_are_shared_and_small() -> None:
    open_page(lang="en")
    kept = STORE.find(("readings", SAMPLE, photo().size, "trained", 1))["stored"][0]
    assert kept.weights.dtype == torch.float16
    assert sum(isinstance(value, torch.Tensor) for value in vars(kept).values()) == 1


def test_the_choices_stand_in_the_address_and_come_back() -> None:
    asked = {"block": "2", "head": "mean", "row": "1", "column": "2", "draw": "3", "scale": "each"}
    said = markup(open_page(**asked))
    link = json.loads(re.findall(r"link = new URLSearchParams\((.*?)\);", said)[0])
    assert asked.items() <= {name: str(value) for name, value in link.items()}.items()
