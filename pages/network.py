"""The whole forward pass as one picture: image, pyramid, blocks, injection, segmentation."""

from topformer_viz import network, session
from topformer_viz.network.figures import figures

network.show(session.open_page(figures=figures, takes=network.takes))
