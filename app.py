"""The front door: attention in two minutes, on the image that is chosen. Start with `streamlit run app.py`."""

import streamlit as st

from topformer_viz.app.door import page
from topformer_viz.app.door.figures import figures
from topformer_viz.app.frame.page import open_page
from topformer_viz.app.site.offer import bundles

if page.leads_to_the_lesson(st.query_params):
    st.switch_page("pages/lesson.py", query_params=st.query_params.to_dict())
page.show(open_page(figures=figures, bundles=bundles("door"), takes=page.takes))
