"""A figure's parts on the page: tables as HTML, charts as plotly."""

import re

import pytest

from topformer_viz.app.canvas.chart import plotted
from topformer_viz.app.canvas.markup import formula_html, note_html, shape_html, term_anchor
from topformer_viz.app.canvas.table import table_html
from topformer_viz.figures.panel import Axis, Chart, Series, Table
from topformer_viz.run.stages import AXES, GLOSSARY
from topformer_viz.words.text import LANGS, Lang

TABLE = Table(
    ("part", "cost"), (("a < b", "1\nabout"), ("HW × C", "2"), ("sum", "3")), "Costs", ((0.5,), (1.0,), (None,)), (2,),
    {1: "more"},
)  # fmt: skip


def test_every_word_and_number_of_a_table_is_on_the_page() -> None:
    html = table_html(TABLE)
    assert "<caption>Costs</caption>" in html and html.count("<tbody>") == 2
    assert '<th scope="rowgroup" colspan="2">more</th>' in html
    assert "a &lt; b" in html and '<td data-column="cost">1<small>about</small>' in html
    assert re.findall(r"--share:([\d.]+)", html) == ["0.5000", "1.0000", "0.0000"]
    assert '<tr class="sum"><th class="word" scope="row">sum</th><td data-column="cost">3<i class="bar" ' in html


def test_a_table_s_cells_may_be_marked_up_and_its_rows_faint() -> None:
    html = table_html(TABLE, (formula_html, str), left=2, classes={0: "faint", (1, 1): "odd"})
    assert '<span class="axis" style="color:var(--axis-HW)">HW</span> × ' in html
    assert '<tr class="faint">' in html and 'class="word odd" data-column="cost">2' in html
    assert ' class="panel-table words"' in table_html(Table(("a", "b"), (("1", "2"),), words=True))


def test_a_chart_on_the_page_is_the_figure_s() -> None:
    ring = Series("ring", "#808080", (0.0, 1.0), (1.0, 0.0), ":")
    points = Series("points", "#0072b2", (1.0, 100.0), (2.0, 3.0), marker="o", hollow=True, right=True)
    across = Axis("tokens", 1, 100, log=True, ticks={10: "10\n100"})
    chart = Chart((ring, points), across, Axis("amount", 0, 4), "title", right=Axis("ms", 1, 10, log=True))
    plain = Chart((ring,), Axis("x", -1, 1), Axis("y", -1, 1), shape=1.0)
    figure = plotted([chart, plain], "%{x}")
    first, second, third = figure.data
    assert (first.line.dash, first.hoverinfo, second.marker.symbol, second.hovertemplate) == (
        "dot",
        "skip",
        "circle-open",
        "%{x}",
    )
    assert second.yaxis == "y2" and list(second.y) == [2, 3]
    assert (first.showlegend, second.showlegend, third.showlegend) == (True, True, False)
    assert figure.layout.xaxis.range == pytest.approx((0, 2)) and figure.layout.xaxis.ticktext == ("10<br>100",)
    assert figure.layout.yaxis.title.text == "amount" and figure.layout.yaxis2.title.text == "ms"
    assert figure.layout.xaxis2.range == (-1, 1) and figure.layout.yaxis3.scaleanchor == "x2"


def tips(html: str) -> list[str]:
    return re.findall(r'tabindex="0">[^<]*<span class="tip" role="tooltip">(.*?)</span></span>', html)


@pytest.mark.parametrize("lang", LANGS)
def test_the_first_of_each_axis_in_a_piece_says_what_it_is_and_keeps_its_colour(lang: Lang) -> None:
    heads, key_dim, both = (AXES[name].meaning(lang) for name in ("heads", "key_dim", "nh_kd"))
    note = note_html("`heads` × `key_dim` are `nh_kd`, and `heads × key_dim` again", lang)
    assert tips(note) == [heads, key_dim, both]
    assert note.count('style="color:var(--axis-heads)"') == note.count('style="color:var(--axis-key_dim)"') == 2
    assert tips(shape_html("pyramid1", {"B": 1, "C1": 32, "H1": 8, "W1": 12}, lang)) == [
        AXES[name].meaning(lang) for name in "BCHW"
    ]
    formula = "P_{q}: nh_kd × C, a_{h·key_dim} · key_dim"
    assert tips(formula_html(formula, lang)) == [both, AXES["C"].meaning(lang), key_dim]
    assert not tips(formula_html(formula)) and not tips(shape_html("tokens", dict.fromkeys("BCHW", 1)))


@pytest.mark.parametrize("lang", LANGS)
def test_a_term_says_what_it_means_and_strong_is_strong(lang: Lang) -> None:
    html = note_html("**So.** A [[rms]] of [[gain|gains]]", lang)
    assert html.startswith("<strong>So.</strong> A <span")
    assert len(tips(html)) == 2 and ">gains<span" in html


def test_every_term_has_a_place_of_its_own_in_the_reference() -> None:
    anchors = [term_anchor(term) for term in GLOSSARY]
    assert len(set(anchors)) == len(anchors)
    assert {"term-1x1-convolution", "term-state-dict", "term-fan-out"} <= set(anchors)
    assert all(re.fullmatch(r"term(-[a-z0-9]+)+", anchor) for anchor in anchors)
