"""The attention explorer: what does this token look at?"""

from topformer_viz.app.explorer import page
from topformer_viz.app.explorer.figures import figures
from topformer_viz.app.explorer.payload import MAX_TOKENS
from topformer_viz.app.frame.page import open_page
from topformer_viz.app.site.offer import bundles

page.show(open_page(MAX_TOKENS, figures, bundles("explorer"), page.takes))
