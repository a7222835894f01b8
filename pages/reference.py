"""Every tensor of the current run, the words, and whose work this rests on."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.reference import page

page.show(open_page())
