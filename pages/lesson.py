"""The lesson: an image's way through TopFormer's attention, stage by stage."""

from topformer_viz.app.frame.page import open_page
from topformer_viz.app.lesson import page
from topformer_viz.app.lesson.figures import bundles, figures
from topformer_viz.app.site.offer import bundles as file

page.show(
    open_page(
        figures=figures,
        bundles=lambda view: [*bundles(view), *file("lesson")(view)],
        takes=page.takes,
        routes=True,
    )
)
