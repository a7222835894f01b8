"""What each head looks at, measured on labelled photographs."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.heads import page

page.show(open_page(figures=page.figures, takes=page.takes))
