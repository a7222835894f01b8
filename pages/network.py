"""The whole forward pass as one picture: image, pyramid, blocks, injection, segmentation."""

from topformer_viz import network, session

network.show(session.open_page())
