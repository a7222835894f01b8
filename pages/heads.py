"""What each head looks at, measured on labelled photographs."""

from topformer_viz import heads, session

heads.show(session.open_page(figures=heads.figures, takes=heads.takes))
