"""The whole forward pass as one picture: image, pyramid, blocks, injection, segmentation."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.network import page
from topformer_viz.app.network.figures import figures
from topformer_viz.app.site.offer import bundles

page.show(open_page(figures=figures, bundles=bundles("network"), takes=page.takes))
