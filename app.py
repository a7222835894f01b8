"""The lesson: an image's way through TopFormer's attention, stage by stage. Start with `streamlit run app.py`."""

from topformer_viz import lesson, session

lesson.walkthrough(session.open_page())
