"""One picture through the network as built, re-initialised and trained."""

from topformer_viz import session, starts

starts.show(session.open_page(figures=starts.figures, takes=starts.takes))
