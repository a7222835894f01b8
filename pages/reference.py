"""Every tensor of the current run, the words, and whose work this rests on."""

from topformer_viz import reference, session

reference.show(session.open_page())
