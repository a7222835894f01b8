"""What an attention module costs, against the real module; its plots; measuring; and the lab's part through AppTest."""

import html
import math
import random
import re
import threading
from functools import partial

import pytest
import torch
from opening import markup, open_app
from serving import wait_for
from streamlit.testing.v1 import AppTest
from torch.utils.flop_counter import FlopCounterMode

from topformer_viz.app.lab.cost import figures, measuring
from topformer_viz.app.lab.cost.figures import adds_chart, memory_chart
from topformer_viz.app.lab.cost.plots import plot
from topformer_viz.app.lab.cost.words import PLOTS, UI
from topformer_viz.network.costs import costs
from topformer_viz.network.model import DENSE_TOKENS, MLP_RATIO, Attention
from topformer_viz.server.queue import MINE, QUEUE
from topformer_viz.study import cost as attention_costs
from topformer_viz.study.cost import PUBLISHED, Measurement, Numbers, Timing, measure, measured_crossing, side
from topformer_viz.words.numbers import bytes_text
from topformer_viz.words.text import LANGS, Lang

CPU = torch.device("cpu")
BASE = PUBLISHED["base"]
DRAWN = random.Random(0)
MANY = [
    Numbers(DRAWN.randint(1, 1024), DRAWN.randint(1, 16), DRAWN.randint(1, 64), DRAWN.randint(1, 4)) for _ in range(200)
]
TIMINGS = (Timing(16, 0.2, 0.02), Timing(1024, 5.0, 20.0), Timing(2304, 11.0, 50.0))


# The formulas


@pytest.mark.parametrize(("size", "HW", "pixels"), [("base", 768, 1774), ("small", 592, 1557), ("tiny", 416, 1305)])
def test_projections_and_attention_meet_where_the_lesson_says(size: str, HW: int, pixels: int) -> None:
    numbers = PUBLISHED[size]
    assert numbers.crossing == HW
    assert round(side(HW)) == pixels
    assert numbers.projections(HW) == numbers.attention(HW)


def test_they_meet_at_2_c_whatever_the_other_numbers_are() -> None:
    for numbers in MANY:
        HW = 2 * numbers.C
        assert numbers.crossing == HW
        assert numbers.projections(HW) == numbers.attention(HW)
        assert numbers.share(HW) == 0.5
        assert numbers.share(HW - 1) < 0.5 < numbers.share(HW + 1)


@pytest.mark.parametrize("sides", [(128, 192), (512, 512), (64, 640)], ids=str)
@pytest.mark.parametrize("size", PUBLISHED)
def test_the_counts_are_those_of_the_whole_networks_block_without_its_mlp(size: str, sides: tuple[int, int]) -> None:
    numbers, HW = PUBLISHED[size], sides[0] * sides[1] // 64**2
    block = next(part for part in costs(size, None, *sides) if part.part == "block0")
    hidden = MLP_RATIO * numbers.C
    mlp = HW * (2 * numbers.C * hidden + 9 * hidden)
    assert numbers.projections(HW) + numbers.attention(HW) + mlp == block.multiply_adds


def module(numbers: Numbers) -> Attention:
    return Attention(numbers.C, numbers.key_dim, numbers.heads, numbers.attn_ratio).eval()


def test_pytorchs_own_counter_counts_the_same() -> None:
    numbers = Numbers(24, 3, 5, 2)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(numbers)(torch.randn(1, 24, 4, 6))
    assert counter.get_total_flops() == 2 * (numbers.projections(24) + numbers.attention(24))


def test_the_memory_is_that_of_the_tensors_the_module_keeps() -> None:
    numbers = Numbers(24, 3, 5, 2)
    kept: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        module(numbers)(torch.randn(1, 24, 4, 6), lambda name, tensor: kept.setdefault(name, tensor))
    del kept["tokens"]  # not the module's own
    sizes = {name: {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes()} for name, t in kept.items()}
    matrices = sizes.pop("scores") | sizes.pop("weights")
    maps = {address: size for storages in sizes.values() for address, size in storages.items()}
    assert sum(matrices.values()) == numbers.matrices_bytes(24)
    assert sum(maps.values()) == numbers.maps_bytes(24)
    assert numbers.weights_bytes(24) == kept["weights"].nbytes
    for many in MANY:
        HW = many.memory_crossing
        assert HW * many.maps_bytes(1) == pytest.approx(HW**2 * many.matrices_bytes(1))


@pytest.mark.parametrize(("HW", "text"), [(64, "0.13 MB"), (1024, "33.6 MB"), (4096, "537 MB"), (16384, "8.6 GB")])
def test_the_weights_take_what_the_lesson_says(HW: int, text: str) -> None:
    assert bytes_text(BASE.weights_bytes(HW)) == text
    assert bytes_text(PUBLISHED["tiny"].weights_bytes(64)) == "65.5 kB"


# The plots, read back


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("numbers", [*PUBLISHED.values(), Numbers(16, 1, 64, 4), Numbers(1024, 16, 1, 1)], ids=str)
def test_lines_ends_and_crossing_are_where_they_belong(numbers: Numbers, lang: Lang) -> None:
    adds, memory = plot(adds_chart(numbers, 96, None, lang), ""), plot(memory_chart(numbers, 96, lang), "B")
    drawn = {
        "adds": (adds, numbers.projections, numbers.attention, numbers.crossing),
        "bytes": (memory, numbers.maps_bytes, numbers.matrices_bytes, numbers.memory_crossing),
    }
    for axis, (figure, linear, square, crossing) in drawn.items():
        assert figure.layout.xaxis.title.text == PLOTS["side"](lang)
        assert figure.layout.yaxis.title.text == PLOTS[axis](lang)
        for line, amount in zip(figure.data[:2], (linear, square), strict=True):
            assert (line.x[0], line.x[-1]) == (256, 8192)
            assert (line.y[0], line.y[-1]) == (amount(16), amount(16384))
            low, high = (10**end for end in figure.layout.yaxis.range)
            assert low < min(line.y) < max(line.y) < high
        assert figure.data[0].line.dash != figure.data[1].line.dash
        dots = [trace for trace in figure.data if trace.marker.symbol == "diamond"]
        assert len(dots) == (crossing >= 16)
        for dot in dots:
            assert dot.x[0] == pytest.approx(64 * math.sqrt(crossing))
            assert dot.y[0] == pytest.approx(crossing * linear(1)) == pytest.approx(crossing**2 * square(1))
        words = [annotation.text for annotation in figure.layout.annotations]
        assert PLOTS["yours"](lang, HW=96) in words and "512 × 512" in words
        assert [trace.x for trace in figure.data if len(trace.x) == 2] == [(side(96),) * 2, (512, 512)]


def test_the_crossing_says_its_place() -> None:
    words = [annotation.text for annotation in plot(adds_chart(BASE, 64, None, "en"), "").layout.annotations]
    assert "HW = 768<br>1,774 px" in words
    assert "512 × 512" not in words  # your picture is that already


def test_measured_points_lie_on_an_axis_of_milliseconds_of_as_many_decades() -> None:
    figure = plot(adds_chart(BASE, 96, Measurement(TIMINGS, 2), "en"), "")
    left, right = figure.layout.yaxis.range, figure.layout.yaxis2.range
    assert right[1] - right[0] == pytest.approx(left[1] - left[0])
    assert figure.layout.yaxis2.title.text == "measured, milliseconds"
    points = [trace for trace in figure.data if trace.yaxis == "y2"]
    assert [trace.y for trace in points] == [(0.2, 5.0), (11.0,), (0.02, 20.0), (50.0,)]
    assert points[0].x + points[1].x == tuple(side(timing.HW) for timing in TIMINGS)
    assert points[0].customdata + points[1].customdata == tuple(timing.HW for timing in TIMINGS)
    assert [trace.marker.symbol for trace in points] == ["circle", "circle-open", "square", "square-open"]
    assert points[1].name == "projections, measured, fused kernel"
    # The middle one of the projections' rates, that of 1,024 tokens, is on its line.
    above = (math.log10(5.0) - right[0]) - (math.log10(BASE.projections(1024)) - left[0])
    assert above == pytest.approx(0)


# Measuring


def test_a_measurement_has_both_times_of_every_size_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_costs, "GRIDS", (2, 4, 6))
    numbers = Numbers(16, 2, 4, 2)
    told: list[tuple[float, int]] = []
    allowed = numbers.maps_bytes(16) + numbers.matrices_bytes(16)
    found = measure(numbers, CPU, allowed, lambda done, HW: told.append((done, HW)))
    assert [timing.HW for timing in found.timings] == [4, 16]
    assert all(timing.projections > 0 < timing.attention for timing in found.timings)
    assert told == [(0, 4), (1 / 3, 16)]
    assert (found.left_out, found.reason, found.allowed) == ((36,), "memory", allowed)
    assert found.needed == numbers.maps_bytes(36) + numbers.matrices_bytes(36) > allowed
    assert measure(numbers, CPU, 0).timings == ()


def test_a_size_that_would_take_too_long_is_left_out_with_all_larger_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_costs, "GRIDS", (2, 4, 8))
    monkeypatch.setattr(attention_costs, "time_pass", lambda module, x: (20.0, 60.0))  # milliseconds at 4 tokens
    found = measure(Numbers(16, 2, 4, 2), CPU, 10**9)
    assert found.timings == (Timing(4, 20.0, 60.0),)
    assert (found.left_out, found.reason) == ((16, 64), "time")
    assert found.needed == pytest.approx(0.02 * 4 + 0.06 * 16)


def test_the_split_gives_attention_its_own_stages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(attention_costs.time, "perf_counter", lambda: next(clock))
    numbers = Numbers(16, 2, 4, 2)
    assert attention_costs.time_pass(module(numbers), torch.randn(1, 16, 2, 3)) == (9000, 3000)
    over = math.isqrt(DENSE_TOKENS) + 1
    assert attention_costs.time_pass(module(numbers), torch.randn(1, 16, over, over)) == (9000, 1000)


def test_memory_allowed_is_a_quarter_of_what_is_free_and_1_gb_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(attention_costs.os, "sysconf", pages.__getitem__)
    assert attention_costs.most_bytes(CPU) == 1_024_000
    pages["SC_AVPHYS_PAGES"] = 10**9
    assert attention_costs.most_bytes(CPU) == 10**9
    pages["SC_AVPHYS_PAGES"] = -1  # not known
    assert attention_costs.most_bytes(CPU) == 10**9

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(attention_costs.os, "sysconf", unknown)
    assert attention_costs.most_bytes(CPU) == 10**9


def test_the_measured_crossing_lies_on_logs_between_two_sizes() -> None:
    rising = [Timing(16, 2.0, 0.5), Timing(64, 2.0, 1.0), Timing(256, 2.0, 4.0)]
    assert measured_crossing(rising) == pytest.approx(128)
    assert measured_crossing(rising[:2]) is None
    assert measured_crossing(rising[2:]) is None
    assert measured_crossing([Timing(4, 1.0, 9.0), *rising]) == pytest.approx(128)  # a stray one before does not count
    assert measured_crossing([]) is None


# The page


open_page = partial(open_app, "lab", part="cost", sample="coffee", size="256", model="tiny")


def tables(app: AppTest) -> list[list[list[str]]]:
    found = re.findall(r"<table>.*?</table>", markup(app), re.S)
    return [
        [
            [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr.*?>(.*?)</tr>", table)
        ]
        for table in found
    ]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_in_its_language(lang: Lang) -> None:
    app = open_page(lang=lang)
    page = markup(app)
    assert UI["intro"](lang) in page
    assert UI["late"](lang, HW=64, share="7.7%", crossing="768", side="1,774") in page
    assert UI["yours"](lang, HW=24, share="3.0%") in page
    assert '"part": "cost"' in page and '"cost": "base"' in page and "cost_c" not in page
    assert not re.search(r"\{\w+\}", re.sub("<(style|script)>.*?</(style|script)>", "", page, flags=re.S))
    adds, memory, sizes = tables(app)
    assert adds[5][1:] == ["2 × C × (nh_kd + dh)", "294,912"]
    assert adds[9] == [UI["equal"](lang), "HW = 2 × C", "768"]
    assert memory[9][2] == "104"
    assert sizes[1] == ["64", "512", "18.9", "1.57", "7.7%", "0.13 MB"]
    assert sizes[5] == ["16,384", "8,192", "4,832", "103,079", "95.5%", "8.6 GB"]
    assert len(app.get("plotly_chart")) == 2


def test_the_share_in_the_whole_network_is_that_of_its_parts() -> None:
    said = re.search(
        r"the 4 attention modules take ([\d.]+)% of the multiply-adds, and the matrix products in them ([\d.]+)%",
        markup(open_page()),
    )
    assert said
    parts = costs("base", 150, 256, 384)
    total = sum(part.multiply_adds for part in parts)
    assert float(said[1]) == pytest.approx(400 * (BASE.projections(24) + BASE.attention(24)) / total, abs=0.05)
    assert float(said[2]) == pytest.approx(400 * BASE.attention(24) / total, abs=0.05)


def test_ones_own_numbers_come_from_the_address_and_go_there() -> None:
    app = open_page(cost="own", cost_c="32", cost_heads="2", cost_key="8", cost_ratio="3")
    assert [n.value for n in app.number_input] == [32, 2, 8, 3]
    assert UI["early"]("en", HW=64, share="50.0%", crossing="64", side="512") not in markup(app)
    assert UI["near"]("en", HW=64, share="50.0%", crossing="64", side="512") in markup(app)
    app.number_input[0].set_value(20).run()
    assert not app.exception
    page = markup(app)
    assert '"cost": "own", "cost_c": 20, "cost_heads": 2, "cost_key": 8, "cost_ratio": 3' in page
    assert UI["early"]("en", HW=64, share="61.5%", crossing="40", side="405") in page
    assert "One attention module of C = 20, heads = 2, key_dim = 8, attn_ratio = 3" in page


@pytest.mark.parametrize("value", ["", "0", "-1", "99999", "<b>", "1e3", "８", "x" * 5000])
def test_nonsense_in_the_address_means_the_defaults(value: str) -> None:
    app = open_page(cost=value)
    assert '"cost": "base"' in markup(app)
    app = open_page(cost="own", **dict.fromkeys(figures.OWN_NUMBERS, value))
    assert [n.value for n in app.number_input] == [384, 8, 16, 2]


@pytest.mark.parametrize("lang", LANGS)
def test_the_button_measures_and_says_what_it_found(lang: Lang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_costs, "GRIDS", (2, 3, 4))
    monkeypatch.setattr(measuring, "GRIDS", (2, 3, 4))
    measuring.kept_of.clear()
    app = open_page(lang=lang)
    allowed = BASE.maps_bytes(9) + BASE.matrices_bytes(9)
    monkeypatch.setattr(measuring, "most_bytes", lambda device: allowed)
    app.button(key="cost_measure").click().run()
    assert not app.exception, app.exception
    page = markup(app)
    device = UI["threads"](lang, threads=QUEUE.run(torch.get_num_threads))
    assert UI["on"](lang, device=device) in page
    left_out = UI["left_out_memory"](
        lang, sizes="16", first="16", needed=bytes_text(BASE.maps_bytes(16) + BASE.matrices_bytes(16)),
        allowed=bytes_text(allowed), most="1.0 GB",
    )  # fmt: skip
    assert left_out in page
    assert [row[0] for row in tables(app)[0]] == ["HW", "4", "9"]
    assert markup(open_page(lang=lang)).count(left_out) == 1  # kept, and shown to the next visitor
    measuring.kept_of.clear()


def test_one_measurement_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    measuring.kept_of.clear()
    app, go_on = open_page(), threading.Event()
    monkeypatch.setattr("topformer_viz.server.queue.visitor", lambda: "one")
    threading.Thread(target=QUEUE.run, args=(lambda: go_on.wait(60),), kwargs={"is_long": True}).start()
    wait_for(lambda: bool(QUEUE._jobs))
    app.button(key="cost_measure").click().run()
    assert [info.value for info in app.info] == [MINE("en")]
    assert len(tables(app)) == 3
    go_on.set()


def test_a_stranger_measures_in_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_costs, "GRIDS", (2, 64, 65))
    monkeypatch.setattr(measuring, "GRIDS", (2, 64, 65))
    monkeypatch.setattr(measuring, "most_bytes", lambda device: 10**9)
    monkeypatch.setattr("topformer_viz.server.visitors.STRANGERS", True)
    monkeypatch.setattr(measuring, "STRANGERS_BYTES", 10**6)
    measuring.kept_of.clear()
    app = open_page()
    app.button(key="cost_measure").click().run()
    assert not app.exception and "at most 1.0 MB" in markup(app)
    measuring.kept_of.clear()
