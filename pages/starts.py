"""One picture through the network untrained, with either initialisation, and trained."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.starts import page
from topformer_viz.app.starts.figures import figures

page.show(open_page(figures=figures, takes=page.takes))
