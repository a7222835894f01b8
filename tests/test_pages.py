"""Every page through Streamlit's AppTest, in both languages and at cold deep links."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from topformer_viz import session
from topformer_viz.images import SAMPLES
from topformer_viz.text import LANGS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [None, *(f"pages/{page.name}" for page in sorted((ROOT / "pages").glob("*.py")))]


def open_app(page: str | None = None, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    if page:
        app.switch_page(page)
    app.run()
    assert not app.exception, app.exception
    return app


def lesson(app: AppTest) -> dict:
    """The header of the component's payload."""
    (component,) = app.get("bidi_component")
    payload = component.proto.bytes
    return json.loads(payload[4 : 4 + int.from_bytes(payload[:4], "little")])


def words(app: AppTest) -> str:
    return " ".join(str(element.proto.body) for kind in ("html", "markdown") for element in app.get(kind))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", LANGS)
def test_every_page_opens_cold_in_its_language(page: str | None, lang: str) -> None:
    app = open_app(page, lang=lang)
    assert session.UI["title"](lang) in words(app)  # type: ignore[arg-type]
    label = session.MODELS["colour"].label
    other = "zh" if lang == "en" else "en"
    assert label(lang)[:30] in words(app)  # type: ignore[arg-type]
    assert label(other)[:30] not in words(app)


def test_a_deep_link_opens_the_same_view() -> None:
    app = open_app(stage="scores", block="2", head="1", sample="card", size="256", model="tiny-batch", lang="zh")
    header = lesson(app)
    assert header["asked"] == {"stage": "scores", "head": 1}
    assert (header["block"], header["blocks"], header["lang"]) == (2, 4, "zh")
    assert header["link"] == {"sample": "card", "model": "tiny-batch", "size": 256, "grid": None}
    assert header["grid"] == [4, 6]


@pytest.mark.parametrize("value", ["", "99", "-1", "<b>", "None", "1e3", "９", "x" * 5000])
def test_nonsense_in_the_address_gives_the_defaults(value: str) -> None:
    names = ("stage", "block", "head", "sample", "size", "model", "grid", "lang")
    header = lesson(open_app(**dict.fromkeys(names, value)))
    assert header["link"] == {"sample": "china", "model": "colour", "size": None, "grid": 8}
    assert (header["block"], header["lang"]) == (1, "en")


def test_the_language_switches_all_at_once() -> None:
    app = open_app()
    app.session_state["lang"] = "zh"
    app.run()
    assert lesson(app)["ui"]["next"] == "下一步 →"
    assert session.UI["title"]("zh") in words(app)


@pytest.mark.parametrize("model", session.MODELS)
def test_every_model_says_what_it_is_and_walks_its_stages(model: str) -> None:
    app = open_app(model=model, size="256", sample="cat")
    choice = session.MODELS[model]
    assert choice.label("en") in words(app).replace("&#x27;", "'")
    header = lesson(app)
    stages = [step["stage"] for step in header["steps"]]
    assert len(stages) == (15 if choice.source == "colour" else 18)
    if model in ("tiny", "small", "base"):
        projected = header["steps"][stages.index("projected")]
        assert projected["range"] == [0, 0]
        assert "exactly 0" in projected["note"]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_opens(sample: str) -> None:
    assert lesson(open_app(sample=sample))["link"]["sample"] == sample


def picture(size: tuple[int, int] = (90, 60), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 40, 40)).save(out, kind)
    return out.getvalue()


def upload(app: AppTest, data: bytes, name: str = "a.png") -> None:
    app.get("file_uploader")[0].upload(name, data, "image/png").run()
    assert not app.exception


def test_an_upload_is_shown_and_a_bad_one_leaves_the_last_good_one() -> None:
    app = open_app()
    upload(app, picture())
    assert lesson(app)["link"]["sample"] is None
    assert "90 × 60" in words(app)
    upload(app, picture()[:60], name="<script>.png")
    assert len(app.error) == 1
    assert "90 × 60" in words(app)  # the red picture stays
    assert "script" not in words(app)
    upload(app, picture((80, 80)))
    assert not app.error
    assert "80 × 80" in words(app)


def test_ones_own_picture_can_be_chosen_again_after_a_sample() -> None:
    app = open_app()
    upload(app, picture())
    pills = app.get("button_group")[0]
    pills.set_value("cat").run()
    assert lesson(app)["link"]["sample"] == "cat"
    app.get("button_group")[0].set_value(session.OWN).run()
    assert not app.exception
    assert "90 × 60" in words(app)


def test_a_panorama_is_kept_within_the_apps_bound() -> None:
    app = open_app(model="tiny", size="1024")
    upload(app, picture((2000, 100)))
    rows, columns = lesson(app)["grid"]
    assert rows * columns <= session.MAX_TOKENS
    assert session.UI["shortened"]("en", side=rows * 64) in words(app)


def test_another_block_reruns_and_a_model_without_it_starts_at_its_last() -> None:
    app = open_app(model="tiny", block="4", size="256")
    assert lesson(app)["block"] == 4
    app.session_state["model"] = "colour"
    app.run()
    assert lesson(app)["block"] == 1


def test_out_of_gpu_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from topformer_viz import tracing

    real = tracing.trace
    monkeypatch.setattr(session, "trace", lambda *given, **device: replace(real(*given, **device), fell_back=True))
    session._run.clear()
    try:
        assert session.UI["fell_back"]("en") in words(open_app(sample="coffee"))
    finally:
        session._run.clear()
