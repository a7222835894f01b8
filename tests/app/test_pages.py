"""Every page through Streamlit's AppTest, in both languages and at cold deep links."""

import base64
import html
import io
import re
import tomllib

import pytest
import safetensors.torch
import torch
from decoding import components, decode
from opening import HANDED, ROOT, book_of, lesson_of, markup, message, open_app, run_of
from PIL import Image
from streamlit.testing.v1 import AppTest

from topformer_viz.app.canvas.markup import term_anchor
from topformer_viz.app.canvas.theme import COLOURS, FAMILIES
from topformer_viz.app.canvas.wire import OWN
from topformer_viz.app.explorer.payload import ui_words
from topformer_viz.app.frame import choices, compute
from topformer_viz.app.frame.words import SAID, UI
from topformer_viz.network.choices import MODELS
from topformer_viz.network.model import TopFormer
from topformer_viz.network.samples import SAMPLES
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES
from topformer_viz.run.stages import AXES, GLOSSARY
from topformer_viz.server.store import STORE
from topformer_viz.words.text import LANGS

NO_ROUTE = {"route": None, "stop": None}
PAGES = ["", *(page.stem for page in sorted((ROOT / "pages").glob("*.py")))]


def lesson(app: AppTest) -> dict:
    """The header of what the component is told."""
    return message(app).header


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("lang", LANGS)
def test_every_page_opens_cold_in_its_language(page: str, lang: str) -> None:
    app = open_app(page, lang=lang, size="256")
    assert UI["title"](lang) in markup(app)  # type: ignore[arg-type]
    label = MODELS["everyday"].label
    other = "zh" if lang == "en" else "en"
    assert label(lang)[:30] in markup(app)  # type: ignore[arg-type]
    assert label(other)[:30] not in markup(app)


def test_a_deep_link_opens_the_same_view() -> None:
    app = open_app(stage="scores", block="2", head="1", sample="card", size="256", model="tiny-batch", lang="zh")
    header = lesson(app)
    assert {"stage": "scores", "head": 1}.items() <= header["asked"].items()
    assert (header["view"]["block"], header["lang"]) == (1, "zh")
    assert header["link"] == {"sample": "card", "model": "tiny-batch", "size": 256, "grid": None} | NO_ROUTE
    run, book = run_of(app).header, book_of(app)
    assert (run["run"], run["blocks"], run["grid"]) == (header["view"]["run"], 4, [4, 6])
    assert (len(book["blocks"]), book["lang"]) == (4, "zh")


@pytest.mark.parametrize("value", ["", "99", "-1", "<b>", "None", "1e3", "９", "x" * 5000])
def test_nonsense_in_the_address_gives_the_defaults(value: str) -> None:
    names = ("stage", "block", "head", "sample", "size", "model", "grid", "lang")
    header = lesson(open_app(**dict.fromkeys(names, value)))
    assert header["link"] == {"sample": "street", "model": "everyday", "size": 512, "grid": None} | NO_ROUTE
    assert (header["view"]["block"], header["lang"]) == (0, "en")


def test_the_language_switches_all_at_once() -> None:
    app = open_app()
    run = lesson(app)["run"]
    app.session_state["lang"] = "zh"
    app.run()
    assert lesson(app)["run"] == run  # of which nothing travels again
    assert lesson(app)["lang"] == "zh"
    assert book_of(app)["ui"]["next"] == "下一步 →"
    assert UI["title"]("zh") in markup(app)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_says_what_it_is_and_walks_its_stages(model: str) -> None:
    app = open_app(model=model, size="256", sample="cat")
    choice = MODELS[model]
    assert choice.label("en") in markup(app).replace("&#x27;", "'")
    steps = lesson_of(app).steps
    assert len(steps) == (15 if choice.source == "colour" else 18)
    if model in ("tiny", "small", "base"):
        assert steps["projected"]["range"] == [0, 0]
        assert "exactly 0" in steps["projected"]["note"]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_opens(sample: str) -> None:
    assert lesson(open_app(sample=sample, size="256"))["link"]["sample"] == sample


def picture(size: tuple[int, int] = (90, 60), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 40, 40)).save(out, kind)
    return out.getvalue()


def upload(app: AppTest, data: bytes, name: str = "a.png", key: str = "upload") -> None:
    (uploader,) = (widget for widget in app.get("file_uploader") if widget.key == key)
    uploader.upload(name, data, "image/png").run()
    assert not app.exception


def test_an_upload_is_shown_and_a_bad_one_leaves_the_last_good_one() -> None:
    app = open_app()
    upload(app, picture())
    assert lesson(app)["link"]["sample"] == OWN
    assert "90 × 60" in markup(app)
    upload(app, picture()[:60], name="<marquee>.png")
    assert len(app.error) == 1
    assert "90 × 60" in markup(app)  # the red picture stays
    assert "marquee" not in markup(app)
    upload(app, picture((80, 80)))
    assert not app.error
    assert "80 × 80" in markup(app)


def test_ones_own_picture_can_be_chosen_again_after_a_sample() -> None:
    app = open_app()
    upload(app, picture())
    pills = app.get("button_group")[0]
    pills.set_value("cat").run()
    assert lesson(app)["link"]["sample"] == "cat"
    app.get("button_group")[0].set_value(OWN).run()
    assert not app.exception
    assert "90 × 60" in markup(app)


def test_a_panorama_is_kept_within_the_apps_bound() -> None:
    app = open_app(model="tiny", size="1024")
    upload(app, picture((2000, 100)))
    rows, columns = run_of(app).header["grid"]
    assert rows * columns <= choices.MAX_TOKENS
    assert UI["shortened"]("en", side=rows * 64, tokens=choices.MAX_TOKENS) in markup(app)


@pytest.mark.parametrize(
    ("page", "sample", "grid", "shown", "bound"),
    [
        ("lesson", "astronaut", 20, (20, 20), None),
        ("lesson", "astronaut", 32, (22, 22), "512"),
        ("reference", "astronaut", 64, (22, 22), "512"),
        ("explorer", "astronaut", 32, (32, 32), None),
        ("explorer", "astronaut", 64, (64, 64), None),
        ("explorer", "street", 64, (52, 78), "4,096"),
    ],
)
def test_the_grid_asked_for_is_shown_or_the_page_says_how_far_it_goes(
    page: str, sample: str, grid: int, shown: tuple[int, int], bound: str | None
) -> None:
    app = open_app(page, model="colour", grid=str(grid), sample=sample)
    said = markup(app)
    assert app.session_state["grid"] == grid
    assert f"{shown[0]} rows × {shown[1]} columns of tokens" in said
    assert ("short side reduced" in said) == (bound is not None)
    if bound:
        assert UI["shortened"]("en", side=shown[0], tokens=bound) in said
        app.session_state["lang"] = "zh"
        app.run()
        assert UI["shortened"]("zh", side=shown[0], tokens=bound) in markup(app)
    if components(app):
        assert run_of(app).header["grid"] == list(shown)


def test_of_a_topformer_every_page_shows_the_same_run() -> None:
    app = open_app(model="tiny", size="1024")
    upload(app, picture((2000, 500)))
    run = lesson(app)["run"]
    assert run_of(app).header["grid"] == [11, 44]
    app.switch_page("pages/explorer.py").run()
    assert not app.exception
    assert lesson(app)["run"] == run[:1]  # where it lies already, but for the maps
    assert UI["shortened"]("en", side=11 * 64, tokens="512") in markup(app)


def test_a_model_without_the_block_starts_at_its_last() -> None:
    app = open_app(model="tiny", block="4", size="256")
    assert lesson(app)["view"]["block"] == 3
    app.session_state["model"] = "colour"
    app.run()
    assert lesson(app)["view"]["block"] == 0


def test_a_rerun_sends_no_tensor_and_no_word_again() -> None:
    """What is told is small, and names the same addresses; another picture has the same book."""
    for page in ("", "lesson", "explorer"):
        app = open_app(page, size="256")
        before = message(app)
        assert not before.body
        (component,) = components(app)
        assert len(component.proto.bytes) <= 20_000
        header = message(app.run()).header
        assert header["run"] == before.header["run"] and header.get("book") == before.header.get("book")
        app.session_state["picture"] = "crossing"
        other = message(app.run()).header
        assert not set(other["run"]) & set(header["run"]) and other.get("book") == header.get("book")
        assert all(address in HANDED for address in (*header["run"], *other["run"]))


def test_out_of_gpu_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from topformer_viz.run import tracing

    real = tracing.trace
    monkeypatch.setattr(compute, "trace", lambda *given, **device: replace(real(*given, **device), fell_back=True))
    STORE.clear()
    try:
        assert UI["fell_back"]("en") in markup(open_app(sample="coffee"))
    finally:
        STORE.clear()


def test_pages_that_stand_alone_have_the_app_s_theme() -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    for name, colours in COLOURS.items():
        first, *rest = name.split("-")
        key = first + "".join(part.capitalize() for part in rest) + "Color"
        assert colours == (theme["light"][key], theme["dark"][key])
    assert theme["font"] == FAMILIES
    assert len(theme["light"]) == len(COLOURS)


# Checkpoints of one's own


def test_the_server_lets_through_what_the_loader_takes() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["maxUploadSize"] * 1_000_000 == MAX_CHECKPOINT_BYTES


def checkpoint(classes: int | None, **metadata: str) -> bytes:
    state = {k: v for k, v in load_model_of(classes).state_dict().items() if v.is_floating_point()}
    return safetensors.torch.save(state, metadata=metadata or None)


def load_model_of(classes: int | None) -> TopFormer:
    torch.manual_seed(0)
    return TopFormer("small", classes)


def test_a_checkpoint_is_opened_said_and_kept_over_pages() -> None:
    app = open_app(size="256")
    upload(app, checkpoint(19), "cityscapes.safetensors", key="checkpoint")
    said = "TopFormer small, Cityscapes, 19 classes (guessed from their number)"
    assert said in markup(app)
    header = lesson(app)
    assert header["link"]["model"] == OWN
    assert run_of(app).header["heads"] == 6
    app.switch_page("pages/network.py").run()
    assert not app.exception
    assert said in markup(app)
    assert book_of(app)["set"].startswith("Cityscapes, 19 classes (guessed")
    app.switch_page("pages/lesson.py").run()
    app.session_state["model"] = "tiny"
    app.run()
    assert run_of(app).header["heads"] == 4


def test_a_bad_checkpoint_is_a_sentence_and_the_model_stays() -> None:
    app = open_app(size="256")
    before = lesson(app)["run"]
    upload(app, b"not a checkpoint", "<img src=x>.pth", key="checkpoint")
    assert len(app.error) == 1
    assert lesson(app)["run"] == before
    assert lesson(app)["link"]["model"] == "everyday"
    upload(app, picture())
    assert not app.error


def test_weights_that_are_no_numbers_are_said_and_not_taken() -> None:
    model = load_model_of(8)
    with torch.no_grad():
        model.decode_head.conv_seg.weight[0, 0] = torch.nan
    app = open_app(size="256")
    data = safetensors.torch.save({k: v for k, v in model.state_dict().items() if v.is_floating_point()})
    upload(app, data, "nan.safetensors", key="checkpoint")
    assert "NaN" in str(app.error[0].value)
    assert lesson(app)["link"]["model"] == "everyday"


def test_a_backbone_runs_without_a_segmentation() -> None:
    app = open_app("network", size="256")
    upload(app, checkpoint(None), "backbone.safetensors", key="checkpoint")
    assert "ImageNet backbone" in markup(app)
    parts = [part["name"] for part in book_of(app)["parts"]]
    assert "segmentation" not in parts and parts[-1] == "block4"
    assert len(app.info) == 1


# The reference


@pytest.mark.parametrize("lang", LANGS)
def test_a_link_can_point_at_each_term_and_axis(lang: str) -> None:
    page = markup(open_app("reference", lang=lang, size="256"))
    anchors = re.findall(r'<dt id="(.*?)">', page)
    assert anchors == [*(f"axis-{name}" for name in AXES), *map(term_anchor, GLOSSARY)]
    assert "followsAnchors" in page


@pytest.mark.parametrize(("sample", "warned"), [("street", False), ("dog", False), ("rocket", True)])
def test_a_picture_unlike_what_was_learned_gets_a_word(sample: str, warned: bool) -> None:
    app = open_app(sample=sample)
    assert len(app.warning) == warned
    if warned:
        assert "little that the network learned from" in str(app.warning[0].value)
    said = any("unlike what the network learned from" in words for words in lesson(app)["about"])
    assert said == warned  # where the page's words are hidden
    assert not open_app(sample=sample, model="tiny-batch", size="256").warning


# The explorer's page


def removed(app: AppTest) -> dict:
    """Of which runs without heads there is something at the address that the component is told."""
    return decode(HANDED[message(app).header["view"]["removals"]]).header["removals"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_explorer_opens_where_its_address_says(lang: str) -> None:
    asked = {
        "head": "2", "query": "18", "to": "20", "pinned": "3", "lock": "1", "mode": "column", "values": "scores", "colour": "log",
        "scale": "all", "smooth": "1", "with": "head-1", "sort": "effective", "similarity": "1",
        "removal": "only-2",
    }  # fmt: skip
    app = open_app("explorer", block="3", lang=lang, model="tiny-batch", size="256", stage="key", part="x", **asked)
    header, run = message(app).header, run_of(app)
    data = header["view"]
    assert data["asked"] == asked
    assert (data["block"], run.header["blocks"], run.header["heads"], run.header["grid"]) == (2, 4, 4, [4, 6])
    assert {f"block{n}.query" for n in range(4)} <= set(run.known)  # all blocks at once, without the other maps
    assert len(run.parts) == 1 and not run.recipes
    maps = decode(HANDED[header["maps"]]).header  # for when likeness is unfolded: the lesson's own
    assert maps["run"] == run.header["run"] and {"tokens", "block3.output"} <= {*maps["tensors"], *maps["recipes"]}
    assert header["maps"] == message(open_app(model="tiny-batch", size="256")).header["run"][1]
    assert (data["saves"], data["alone"], header["lang"]) == (True, False, lang)
    assert header["link"] == {"sample": "street", "model": "tiny-batch", "size": 256, "grid": None} | NO_ROUTE
    assert book_of(app)["explorer"]["ui"] == ui_words(lang)  # type: ignore[arg-type]
    assert len(data["differences"]) == 4 and max(data["differences"]) < 1e-4
    assert not data["removals"]  # until the explorer on screen asks


def test_the_lesson_has_the_explorer_as_a_guest() -> None:
    STORE.clear()
    app = open_app(block="2", model="tiny-batch", size="256", head="3")
    data = message(app).header["view"]
    assert data["differences"] is None  # until the explorer is on screen and asks
    assert (data["block"], data["asked"]) == (1, {"head": "3"})
    assert "removal" in book_of(app)["explorer"]
    app.session_state["explorer_wish"] = {"run": data["run"], "block": None, "removal": ""}
    assert max(message(app.run()).header["view"]["differences"]) < 1e-4
    assert not data["saves"] and not data["removals"]


def test_what_the_explorer_asks_for_is_sent() -> None:
    app = open_app("explorer", model="everyday", size="256", block="2")
    run = message(app).header["view"]["run"]
    app.session_state["explorer_wish"] = {"run": run, "block": 3, "removal": "only-2"}
    data = message(app.run()).header["view"]
    assert list(removed(app)) == ["block3 only-2"]
    assert data["block"] == 1  # that it asks does not turn the page
    app.session_state["explorer_wish"] = {"run": "another", "block": 3, "removal": "only-2"}
    assert not message(app.run()).header["view"]["removals"]


@pytest.mark.parametrize("removal", ["only-9", "without-0", "without-2x", "__proto__", "<b>", "without-" + "9" * 5000])
@pytest.mark.parametrize("other", [0, None])
def test_what_makes_no_sense_to_ask_for_is_left_out(removal: str, other: int | None) -> None:
    app = open_app("explorer", model="colour")
    app.session_state["block"] = 4  # of one
    run = message(app).header["view"]["run"]
    app.session_state["explorer_wish"] = {"run": run, "block": other, "removal": removal}
    data = message(app.run()).header["view"]
    assert not app.exception
    assert data["block"] == 0 and not data["removals"]


@pytest.mark.parametrize("other", [1, 7, None])
def test_of_a_block_there_is_not_nothing_is_taken_away(other: int | None) -> None:
    app = open_app("explorer", model="colour")
    run = message(app).header["view"]["run"]
    app.session_state["explorer_wish"] = {"run": run, "block": other, "removal": "only-1"}
    assert not message(app.run()).header["view"]["removals"] and not app.exception


def test_the_file_saved_is_the_view_and_comes_once() -> None:
    lang = "zh"
    app = open_app("explorer", model="tiny-batch", size="256", lang=lang)
    assert "file" not in message(app).header["view"]
    run = message(app).header["view"]["run"]
    app.session_state["explorer_save"] = run, {"block": 2, "head": "mean", "query": 5, "mode": None}
    file = message(app.run()).header["view"]["file"]
    assert file["name"] == "topformer-street.html" and file["at"].endswith(".bin")  # never a page of this server's own
    page = HANDED[file["at"]].decode()
    assert page.startswith(f'<!DOCTYPE html>\n<html lang="{lang}">')
    payload = re.search(r'id="payload">([^<]+)</script>', page)
    assert payload
    assert html.escape(SAMPLES["street"].credit(lang)) in page  # type: ignore[arg-type]
    data = decode(base64.b64decode(payload[1])).header["view"]
    assert (data["block"], data["alone"]) == (1, True)
    assert data["asked"] == {"block": "2", "head": "mean", "query": "5"}
    assert "file" not in message(app.run()).header["view"]


def test_a_file_asked_for_of_another_image_is_not_made() -> None:
    app = open_app("explorer", model="colour")
    app.session_state["explorer_save"] = "another/run", {"block": 1}
    assert "file" not in message(app.run()).header["view"] and "explorer_save" not in app.session_state


def test_a_file_that_cannot_be_made_is_said_to_be_and_asked_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topformer_viz.app.explorer.file.explorer_html", lambda *_, **__: 1 / 0)
    app = open_app("explorer", model="colour", lang="en")
    app.session_state["explorer_save"] = message(app).header["view"]["run"], {"block": 1}
    app.run()
    assert not app.exception and SAID["failed"]("en") in [warning.value for warning in app.warning]
    assert "file" not in message(app).header["view"] and "explorer_save" not in app.session_state


def test_ones_own_picture_is_saved_under_a_plain_name() -> None:
    app = open_app("explorer", model="colour")
    upload(app, picture(), name="../<marquee>.png")
    app.session_state["explorer_save"] = message(app).header["view"]["run"], {"block": 1}
    header = message(app.run()).header
    assert header["view"]["file"]["name"] == "topformer-picture.html"
    assert b"<marquee" not in HANDED[header["view"]["file"]["at"]]
    assert header["link"]["sample"] == OWN
