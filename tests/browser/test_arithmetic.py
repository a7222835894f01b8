"""The scripts' arithmetic, run in Chromium without a server, beside Python's: attention, numbers, colours, bytes."""

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib.colors import LogNorm, Normalize, PowerNorm
from torch import Tensor

from topformer_viz.app.canvas.wire import CANVAS_JS, Body
from topformer_viz.app.explorer.script import EXPLORER_JS
from topformer_viz.figures.colours import RDBU_R, VIRIDIS
from topformer_viz.figures.shades import colours
from topformer_viz.run.measures import cosines, distances, effective_tokens, on_most_like
from topformer_viz.words.numbers import on_scale

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STOPS = {"viridis": VIRIDIS, "RdBu_r": RDBU_R}
HEADS, ROWS, COLUMNS, KEY_DIM, D = 3, 4, 5, 6, 7
ATTENTION = """([bytes, calls]) => {
  const attention = new Attention(decode(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))));
  return calls.map(([name, ...args]) => Array.from(attention[name](...args)));
}"""


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    page = browser.new_page()
    page.add_script_tag(content=CANVAS_JS + EXPLORER_JS)
    yield page
    page.close()


@pytest.fixture(scope="module")
def block() -> dict[str, Tensor]:
    """Query, key and value of a block, (1, ...), and what follows from them."""
    torch.manual_seed(1)
    n = ROWS * COLUMNS
    query, key, value = (
        torch.randn(1, HEADS, n, KEY_DIM),
        torch.randn(1, HEADS, KEY_DIM, n),
        torch.randn(1, HEADS, n, D),
    )
    scores = query @ key
    weights = scores.softmax(-1)
    return {
        "query": query,
        "key": key,
        "value": value,
        "scores": scores,
        "weights": weights,
        "lse": scores.logsumexp(-1),
    }


def attention(page: "Page", block: dict[str, Tensor], *calls: list[Any]) -> list[np.ndarray]:
    body = Body()
    header = {name: body.add(block[name], exact=True) for name in ("query", "key", "value", "lse")}
    message = base64.b64encode(body.message(header)).decode()
    return [np.array(line) for line in page.evaluate(ATTENTION, [message, list(calls)])]


def close(actual: np.ndarray, expected: Tensor) -> None:
    assert np.allclose(actual, expected.flatten().numpy(), atol=1e-6, rtol=1e-5)


# Attention


@pytest.mark.parametrize("head", range(HEADS))
def test_rows_and_columns_are_those_of_torchs_softmax(blank: "Page", block: dict[str, Tensor], head: int) -> None:
    calls = [[name, head, 7, column] for name in ("scores", "weights") for column in (False, True)]
    row, column, read, reads = attention(blank, block, *calls)
    for actual, name in ((row, "scores"), (read, "weights")):
        close(actual, block[name][0, head, 7])
    for actual, name in ((column, "scores"), (reads, "weights")):
        close(actual, block[name][0, head, :, 7])


def test_means_over_tokens_and_heads(blank: "Page", block: dict[str, Tensor]) -> None:
    calls = (
        ["line", 1, [2, 3, 9], "weights"],
        ["line", 1, [2, 3, 9], "weights", True],
        ["matrix", 2, "scores"],
        ["matrix", "mean", "weights"],
    )
    line, column, own, mean = attention(blank, block, *calls)
    weights = block["weights"][0]
    close(line, weights[1, [2, 3, 9]].mean(0))
    close(column, weights[1, :, [2, 3, 9]].mean(1))
    close(own, block["scores"][0, 2])
    close(mean, weights.mean(0))


def test_what_a_row_brings_back_and_how_far_it_spreads(blank: "Page", block: dict[str, Tensor]) -> None:
    row = block["weights"][0, 1, 7]
    (mixed,) = attention(blank, block, ["mixed", 1, row.tolist()])
    close(mixed, row @ block["value"][0, 1])
    spread, far = blank.evaluate(f"(row) => [effective(row), meanDistance(row, 7, {COLUMNS})]", row.tolist())
    assert spread == pytest.approx(float(effective_tokens(row)), rel=1e-5)
    assert far == pytest.approx(float((row * distances((ROWS, COLUMNS))[7]).sum()), rel=1e-5)


# Likeness

LIKENESS = """([bytes, asking, weights]) => {
  const { tokens } = decode(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))), likeness = cosines(tokens, asking), most = onMostLike(weights, likeness, asking);
  return [[...likeness], most && [most.tokens, most.share, most.uniform]];
}"""


@pytest.mark.parametrize("asking", [[0], [7], [6, 7, 11, 12]])
@pytest.mark.parametrize("last", [False, True])
def test_likeness_and_what_lies_on_the_most_like_are_pythons(
    blank: "Page", block: dict[str, Tensor], asking: list[int], last: bool
) -> None:
    """Channels last or first in memory; one token has length 0."""
    tokens = torch.randn(1, 9, ROWS, COLUMNS, generator=torch.Generator().manual_seed(2))
    tokens[..., 2, 2] = 0
    if last:
        tokens = tokens.contiguous(memory_format=torch.channels_last)
    weights, body = block["weights"][0, 1, asking].mean(0), Body()
    message = base64.b64encode(body.message({"tokens": body.add(tokens, exact=True)})).decode()
    found, most = blank.evaluate(LIKENESS, [message, asking, weights.tolist()])
    likeness = cosines(tokens, asking)
    close(np.array(found), likeness)
    expected = on_most_like(weights, likeness, asking)
    assert expected and most == [expected.tokens, pytest.approx(expected.share, rel=1e-5), expected.uniform]
    assert found[2 * COLUMNS + 2] == 0


def test_of_one_token_nothing_lies_on_others(blank: "Page") -> None:
    body = Body()
    message = base64.b64encode(body.message({"tokens": body.add(torch.zeros(1, 3, 1, 1), exact=True)})).decode()
    assert blank.evaluate(LIKENESS, [message, [0], [1]]) == [[0], None]


# Bytes


def test_every_half_float_is_read(blank: "Page") -> None:
    halves = np.arange(2**16, dtype=np.uint16)
    read = blank.evaluate("(halves) => halves.map((h) => String(halfToFloat(h)))", halves.tolist())
    expected = halves.view(np.float16).astype(np.float64)
    actual = np.array([float(text.replace("Infinity", "inf")) for text in read])
    assert np.array_equal(actual, expected, equal_nan=True)


# Numbers

SIZES = [
    0,
    1,
    0.5,
    -0.25,
    12.345,
    -123.4,
    999.6,
    1234.6,
    -99_999,
    1e5,
    123_456,
    0.001,
    0.00123,
    -0.000_45,
    6.5e-8,
    3.2e9,
]


@pytest.mark.parametrize("value", SIZES)
def test_a_number_is_written_as_a_figures_scale_writes_it(blank: "Page", value: float) -> None:
    """But for powers of ten, which Python writes with two digits."""
    expected = re.sub(r"e\+?(−?)0*(\d)", r"e\1\2", on_scale(value, value))
    assert blank.evaluate("number", value) == expected


def test_what_is_a_million_times_smaller_is_as_good_as_0(blank: "Page") -> None:
    assert blank.evaluate("() => [number(1e-9, 1), number(1e-5, 1), range(-1e-9, 2)]") == ["≈ 0", "1.00e−5", "≈ 0 … 2"]


# Colours


def painted(page: "Page", scale: str, values: np.ndarray) -> np.ndarray:
    """The scale's colours, (n, 3)."""
    colours = page.evaluate(f"(values) => values.map((v) => colourOf({scale}, v))", values.tolist())
    return np.array(colours, np.uint32)[:, None].view(np.uint8)[:, :3].astype(int)


@pytest.mark.parametrize(
    ("scale", "name", "norm"),
    [
        ("scaleFor([0.5, 8])", "viridis", Normalize(0.5, 8)),
        ("scaleFor([-8, 2])", "RdBu_r", Normalize(-8, 8)),
        ("rootScale(8)", "viridis", PowerNorm(0.5, 0, 8)),
        ("logScale(8)", "viridis", LogNorm(8e-4, 8)),
    ],
)
def test_a_value_has_the_colour_it_has_in_figures(blank: "Page", scale: str, name: str, norm: Normalize) -> None:
    values = np.linspace(norm.vmin, norm.vmax, 300)
    actual = painted(blank, scale, values)
    stops = np.array([list(bytes.fromhex(stop)) for stop in STOPS[name].split()])
    place = 16 * norm(values)
    between = np.stack([np.interp(place, range(17), channel) for channel in stops.T], -1)
    assert np.abs(actual - between).max() <= 2.5  # half a step of the table, and rounding
    assert np.abs(actual - 255 * colours(name)(norm(values))[:, :3]).max() <= 9  # matplotlib's have more than 17 stops


def test_beyond_the_ends_colours_stay(blank: "Page") -> None:
    for scale in ("scaleFor([0, 1])", "rootScale(1)", "logScale(1)"):
        low, zero, one, high = painted(blank, scale, np.array([-5, 0, 1, 7]))
        assert (low == zero).all()
        assert (one == high).all()


def legend_of(blank: "Page", scale: str) -> tuple[np.ndarray, float | None, str]:
    """The colours of a legend's bar, (256, 3); where its tick is, from 0 to 1, and what it says."""
    colours, left, said = blank.evaluate(
        f"""() => {{
      const box = legend(element("div"), {scale}), half = box.querySelector(".half"), canvas = box.querySelector("canvas");
      return [[...canvas.getContext("2d").getImageData(0, 0, 256, 1).data], half.hidden ? null : parseFloat(half.style.left) / 100, half.textContent];
    }}"""
    )
    return np.array(colours).reshape(-1, 4)[:, :3], left, said


def test_a_colour_bar_has_all_colours_of_its_scale_in_even_steps(blank: "Page") -> None:
    even = np.linspace(0, 1, 256)
    for scale, values in (
        ("scaleFor([0, 3])", 3 * even),
        ("rootScale(3)", 3 * even**2),
        ("scaleFor([-3, 3])", 6 * even - 3),
    ):
        assert np.array_equal(legend_of(blank, scale)[0], painted(blank, scale, values))


def test_half_of_the_maximum_is_ticked_where_it_is_not_the_middle(blank: "Page") -> None:
    colours, left, said = legend_of(blank, "rootScale(3)")
    assert (left, said) == (pytest.approx(0.5**0.5, abs=1e-3), "1.5")
    assert left is not None
    assert np.array_equal(colours[round(255 * left)], painted(blank, "rootScale(3)", np.array([1.5]))[0])
    for scale in ("scaleFor([0, 3])", "scaleFor([-3, 3])", "rootScale(0)"):
        assert legend_of(blank, scale)[1] is None


# The grid


def test_arrow_keys_step_to_the_neighbour_on_the_grid(blank: "Page") -> None:
    steps = [
        (7, "ArrowLeft", 6),
        (7, "ArrowUp", 2),
        (7, "ArrowDown", 12),
        (5, "ArrowLeft", 5),
        (9, "ArrowRight", 9),
        (19, "ArrowDown", 19),
    ]
    for token, key, expected in steps:
        assert blank.evaluate("([token, key]) => neighbour(token, key, [4, 5])", [token, key]) == expected
    assert blank.evaluate("() => neighbour(7, 'Enter', [4, 5])") is None
    assert blank.evaluate("() => neighbour(7, 'ArrowRight', [4, 5], 9)") == 9
