"""Charts that answer the pointer: plotly, under the app's settings."""

from typing import Any

from topformer_viz.words.text import Lang, Text

SAVE = Text("Save as PNG", "保存为 PNG")


def config(lang: Lang) -> dict[str, Any]:
    """Plotly's own button in the visitor's language, and no logo."""
    words = {"Download plot as a PNG": SAVE(lang)}
    return {"displaylogo": False, "locale": lang, "locales": {lang: {"dictionary": words, "format": {}}}}
