"""The app's pages through Streamlit's AppTest: one opened, what it says, and a choice made there."""

from functools import cache
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

# At every run AppTest looks through all installed packages for components, which a server does once: half of what it takes.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

ROOT = Path(__file__).resolve().parents[1]


def open_app(page: str = "lesson", /, **query: str | list[str]) -> AppTest:
    """The page of this name, at an address; "" is the front door; its first run raised nothing."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    app.query_params.update(query)
    if page:
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception
    return app


def markup(app: AppTest) -> str:
    """All HTML and Markdown of the page, but its components'."""
    return " ".join(str(element.proto.body) for kind in ("html", "markdown") for element in app.get(kind))


def choose(app: AppTest, label: str, value: object) -> None:
    """Choose in the row of pills under this label."""
    (group,) = [found for found in app.get("button_group") if found.label == label]
    group.set_value(value).run()
    assert not app.exception, app.exception
