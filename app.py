"""The lesson: an image's way through TopFormer's attention, stage by stage. Start with `streamlit run app.py`."""

from topformer_viz import lesson, session
from topformer_viz.saving.bar import lesson_figures

lesson.walkthrough(session.open_page(figures=lesson_figures, walks=True, takes=lesson.takes))
