"""The lab: change the attention and see what becomes of it; its relatives, its cost, its arithmetic by hand."""

from topformer_viz import session
from topformer_viz.lab import page

page.show(session.open_page(figures=page.figures, takes=page.takes))
