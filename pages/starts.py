"""One picture through the network as built, re-initialised and trained."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.starts import page

page.show(open_page(figures=page.figures, takes=page.takes))
