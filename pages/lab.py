"""The lab: change the attention and see what becomes of it; its relatives, its cost, its arithmetic by hand."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.lab import page
from topformer_viz.app.lab.figures import figures

page.arrive()
page.show(open_page(figures=figures, takes=page.takes))
