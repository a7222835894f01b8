"""The lab's part "Other attentions": TopFormer's attention beside LeViT's, ViT's and ViT's with RoPE, on the same tokens."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape

import streamlit as st

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.canvas.table import TABLE_CSS, table_html
from topformer_viz.app.frame.address import Parameter, Takes
from topformer_viz.app.frame.choices import option, write_address
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.app.lab.relatives.figures import differing, found, in_short, middle, summary_table, weights
from topformer_viz.app.lab.relatives.payload import STYLE, show_stages, stages_html
from topformer_viz.app.lab.relatives.words import SIZES, UI
from topformer_viz.network.model import Attention
from topformer_viz.network.relatives import LevitAttention, Linear_BN, RopeAttention, VitAttention, places, turn

SOURCES: dict[str, tuple[Callable[..., object], ...]] = {
    "topformer": (Attention,),
    "levit": (LevitAttention, Linear_BN, places),
    "vit": (VitAttention,),
    "rope": (RopeAttention, turn, places),
}


def takes(view: View, said: Mapping[str, str]) -> Takes:
    """What an address can say of this part of the lab."""
    tokens = range(1, view.run.sizes["HW"] + 1)
    return {"token": Parameter(tokens, middle(view) + 1), "pair": Parameter(tokens)}


def show(view: View) -> None:
    """For the block that the pages share: what differs in three lines and the weights; the rest is folded."""
    lang = view.lang
    st.html(f"<style>{TABLE_CSS}{STYLE}</style>")
    st.markdown(UI["intro"](lang), width=PROSE)
    several = view.model.num_blocks > 1
    block = st.segmented_control(UI["block"](lang), required=True, **option(view, "block", "block")) if several else 1
    four, _ = found(view, block - 1)

    st.subheader(UI["summary"](lang), anchor="summary")
    st.markdown("\n".join(f"- {line}" for line in in_short(view, block - 1)), width=PROSE)
    _pictures(view, block - 1)
    with st.expander(UI["all_differences"](lang)):
        st.html(f'<div class="relatives">{_summary(view, block - 1)}</div>')
        st.markdown(UI["counted"](lang), width=PROSE)
    with st.expander(UI["stages"](lang)):
        book = view.book(f"relatives {block}", lambda: {"html": stages_html(four, lang)})
        show_stages({"lang": lang, "book": book}, key="relatives", height="content")

    st.subheader(UI["source"](lang), anchor="source")
    st.markdown(UI["source_note"](lang), width=PROSE)
    for relative in four:
        with st.expander(relative.name(lang)):
            st.code("\n\n".join(inspect.getsource(part).rstrip() for part in SOURCES[relative.slug]), language="python")
    write_address(view, {"part": "relatives", "block": block if several else None}, KEPT)


def _summary(view: View, block: int) -> str:
    """The table of what differs, as HTML; in the rows of design, what is not as in TopFormer is marked."""
    table, axes = summary_table(view, block), dict(enumerate(SIZES, 3))
    marked = {(n, c): f"axis-{axis}" for n, axis in axes.items() for c in range(1, 5)}
    rows = [list(row) for row in table.rows]
    for n, c in differing(table):
        marked[n, c] = f"differs {marked.get((n, c), '')}"
        rows[n][c] = f"≠ {rows[n][c]}"
    table = replace(table, rows=tuple(map(tuple, rows)))
    html = table_html(table, lambda text: note_html(text, view.lang).replace("≠", "<i>≠</i>"), classes=marked)
    return f'<p class="legend"><b class="differs"><i>≠</i></b> {escape(UI["legend"](view.lang))}</p>{html}'


def _pictures(view: View, block: int) -> None:
    """Each one's weights, mean of the heads: the whole matrix, and the row of the token pointed at."""
    lang, panel = view.lang, weights(view, block, middle(view))
    pictures = Pictures(view.subject.grid)
    pictures.group(UI["picture"](lang), [pictures.photo("\u00a0")])
    for relative, tile in zip(found(view, block)[0], panel.groups[0].tiles, strict=True):
        shown = [pictures.tile(UI["pair"](lang), tile), pictures.row(UI["row"](lang), tile)]
        note = UI["random" if isinstance(relative.module, VitAttention) else "mean"](
            lang, heads=relative.run.sizes["heads"]
        )
        pictures.group(relative.name(lang), shown, note)
    start = middle(view), int(panel.groups[0].tiles[0].values[middle(view)].argmax())
    pictures.show("lab_relatives", UI["weights"](lang), view.photo, lang, start, run=view.run_name)
