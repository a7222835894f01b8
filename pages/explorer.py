"""The attention explorer: what does this pixel look at?"""

from topformer_viz import session
from topformer_viz.explorer import page
from topformer_viz.explorer.figures import figures
from topformer_viz.explorer.payload import MAX_TOKENS

page.show(session.open_page(MAX_TOKENS, figures, takes=page.takes))
