"""What each head looks at, measured on labelled photographs."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.heads import page
from topformer_viz.app.heads.figures import figures

page.show(open_page(figures=figures, takes=page.takes))
