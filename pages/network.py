"""The whole forward pass as one picture: image, pyramid, blocks, injection, segmentation."""

from topformer_viz import session
from topformer_viz.app.network import page as network
from topformer_viz.app.network.figures import figures

network.show(session.open_page(figures=figures, takes=network.takes))
