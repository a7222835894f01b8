"""The heads' tables as HTML: what each prefers most, and who reads whom, as so many times uniform, on its colour."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from topformer_viz.app.heads.pictures import tag
from topformer_viz.app.heads.words import UI
from topformer_viz.figures.colours import RDBU_R, luminance
from topformer_viz.network.samples import SAMPLES
from topformer_viz.study.heads import (
    MIN_AREA,
    MIN_PICTURES,
    Estimate,
    NetworkFinding,
    Shown,
    as_asking,
    as_read,
    sentence,
)
from topformer_viz.words.names import BLOCK
from topformer_viz.words.numbers import decimal, percent, times
from topformer_viz.words.text import Lang, Text, sentences

STOPS = RDBU_R.split()  # blue is less, red more
REACH = 2  # log2 of the ratio at which colour ends: a quarter, and four times


def overview(
    network: NetworkFinding, shown: Sequence[Sequence[Shown | None]], names: Sequence[Text], lang: Lang
) -> str:
    """What each head does, in a sentence and the picture that shows it: a row per block, a column per head; on a phone a
    block's heads two by two."""
    heads = range(len(network.heads[0]))
    top = "".join(f'<th scope="col" role="columnheader">{UI["head_n"](lang, n=head + 1)}</th>' for head in heads)
    rows = "".join(
        f'<tr role="row"><th scope="row" role="rowheader">{BLOCK(lang)} {b + 1}</th>'
        + "".join(_finding(network, b, h, shown[b][h], names, lang) for h in heads)
        + "</tr>"
        for b in range(len(network.heads))
    )
    return (
        f'<table class="heads-overview" role="table"><caption>{UI["overview"](lang)}</caption>'
        f'<thead role="rowgroup"><tr role="row"><td></td>{top}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _finding(
    network: NetworkFinding, block: int, head: int, shown: Shown | None, names: Sequence[Text], lang: Lang
) -> str:
    """A head's sentence, under the picture that shows it."""
    finding, title = network.heads[block][head], UI["head_n"](lang, n=head + 1)
    said = escape(sentence(finding, network, names, lang))
    seen = (
        tag(shown, UI["seen"](lang, **_place(shown, lang)))
        if shown
        else f'<span class="none">{UI["unseen"](lang)}</span>'
    )
    return f'<td role="cell" data-head="{title}">{seen}<p>{said}</p></td>'


def _place(shown: Shown, lang: Lang) -> dict[str, Any]:
    """Where the token lies, and in which sample."""
    row, column = divmod(shown.token, shown.grid[1])
    return {
        "row": row + 1,
        "column": column + 1,
        "sample": SAMPLES[shown.sample].name(lang),
        "most": percent(max(shown.weights)),
    }


def card(
    network: NetworkFinding, block: int, head: int, names: Sequence[Text], lang: Lang, title: str | None = None
) -> str:
    """One head: its sentence, its two figures and its table."""
    finding = network.heads[block][head]
    title = title or UI["head_n"](lang, n=head + 1)
    figures = "".join(
        "<li>"
        + UI[name](
            lang, value=decimal(figure.value), low=decimal(figure.low), high=decimal(figure.high), all=decimal(of)
        )
        + "</li>"
        for name, figure, of in (
            ("effective", finding.effective, network.tokens[1]),
            ("distance", finding.distance, network.distance),
        )
    )
    return (
        f'<section><p class="which">{escape(title)}</p><h3>{escape(sentence(finding, network, names, lang))}</h3>'
        f'<ul>{figures}</ul><div class="box">{_table(network, block, head, names, lang)}'
        f'<p class="hint"><span class="mouse">{UI["hint"](lang)}</span><span class="touch">{UI["hint_touch"](lang)}</span></p>'
        "</div></section>"
    )


def _table(network: NetworkFinding, block: int, head: int, names: Sequence[Text], lang: Lang) -> str:
    """Who reads whom, and in the last row how much every token reads of each class."""
    finding = network.heads[block][head]

    def header(scope: str, k: int) -> str:
        grey = "" if network.supported(k) else ' class="grey"'
        return f'<th scope="{scope}"{grey}><span>{escape(names[k](lang))}</span></th>'

    top = "".join(header("col", k) for k in range(len(names)))
    rows = [
        header("row", c) + "".join(_cell(network, finding.ratio[c][k], c, k, names, lang) for k in range(len(names)))
        for c in range(len(names))
    ]
    every = "".join(_cell(network, finding.read[k], None, k, names, lang) for k in range(len(names)))
    rows.append(f'<th scope="row"><span>{UI["every"](lang)}</span></th>{every}')
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    # One stop of the Tab key a table: the arrow keys lead on from its first cell.
    body = body.replace('tabindex="-1"', 'tabindex="0"', 1)
    return (
        f'<div class="sideways"><table role="grid" lang="{lang}" aria-label="{escape(UI["table"](lang, n=head + 1))}" style="--across: {len(names)}">'
        f'<thead><tr><td class="corner">{UI["reads"](lang)}</td>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(
    network: NetworkFinding, ratio: Estimate | None, c: int | None, k: int, names: Sequence[Text], lang: Lang
) -> str:
    """A number on its colour and, for whoever points at it or comes by keyboard, what it means."""
    query = as_asking(UI["every"] if c is None else names[c], lang)
    key = as_read(names[k], lang)
    if ratio is None:
        return f'<td tabindex="-1" class="grey"><b>–</b><span class="says">{escape(UI["never"](lang, query=query, key=key))}</span></td>'
    uniform = network.chance[-1 if c is None else c][k] or 0.0
    tip = UI["cell"](
        lang, query=query, key=key, value=times(ratio.value), low=times(ratio.low), high=times(ratio.high),
        share=f"{ratio.value * uniform:.1%}", uniform=f"{uniform:.1%}", images=network.together[k if c is None else c][k],
    )  # fmt: skip
    if network.supported(k) if c is None else network.supported(c, k):
        paper, ink = colours(ratio.value)
        look, number = f'style="background-color:{paper}"', f'<b style="color:{ink}">{times(ratio.value)}</b>'
    else:
        look, number = 'class="grey"', f"<b>{times(ratio.value)}</b>"
        tip = f"{tip} {UI['grey_cell'](lang)}"
    return f'<td tabindex="-1" {look}>{number}<span class="says">{escape(tip)}</span></td>'


def colours(ratio: float) -> tuple[str, str]:
    """Paper and ink of a cell, "#rrggbb": blue under 1, white at 1, red over 1, by log2; ink stands out by 4.5 : 1."""
    place = max(-REACH, min(math.log2(ratio) if ratio > 0 else -REACH, REACH))
    place = (place / REACH + 1) / 2 * (len(STOPS) - 1)
    left = min(int(place), len(STOPS) - 2)
    ends = [[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in STOPS[left : left + 2]]
    paper = [round(a + (b - a) * (place - left)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{x:02x}" for x in paper), "#000000" if luminance(paper) > 0.179 else "#ffffff"


def bar(lang: Lang) -> str:
    """The colour bar, from a quarter of uniform to four times."""
    ticks = "".join(f"<span>{tick}</span>" for tick in ("≤ ¼", "½", "1", "2", "≥ 4"))
    return (
        f'<div class="heads-bar"><span>{UI["less"](lang)}</span><div><div class="ramp"></div>'
        f'<div class="ticks">{ticks}</div></div><span>{UI["more"](lang)}</span><span>({UI["bar"](lang)})</span></div>'
    )


def weights_bar(lang: Lang) -> str:
    """The colour bar of the maps above the sentences: each goes up to its own maximum."""
    return (
        f'<div class="heads-bar weights"><span>0</span><div><div class="ramp"></div></div>'
        f"<span>{UI['maximum'](lang)}</span></div>"
    )


def grey(network: NetworkFinding, names: Sequence[Text], lang: Lang) -> str:
    """What grey means, and which classes are."""
    which = [
        UI["grey_class"](lang, name=name(lang), images=network.together[k][k], area=f"{network.area(k):.1%}")
        for k, name in enumerate(names)
        if not network.supported(k)
    ]
    text = UI["grey"](lang, images=MIN_PICTURES, area=f"{MIN_AREA:.1%}", which=sentences(lang, which))
    return f'<p class="heads-note">{escape(text.strip())}</p>'
