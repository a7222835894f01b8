"""The front door through AppTest: what it is sent, what it says in both languages, where its links lead."""

import io
import json

import numpy as np
import pytest
from opening import book_of, forge, markup, message, open_app, run_of
from streamlit.testing.v1 import AppTest

from topformer_viz.app.door import page
from topformer_viz.app.door.payload import DEEPER
from topformer_viz.app.door.words import UI, WORDS
from topformer_viz.network.facts import facts
from topformer_viz.network.samples import open_sample
from topformer_viz.words.names import NOT_EVIDENCE
from topformer_viz.words.text import LANGS, Lang


@pytest.mark.parametrize("lang", LANGS)
def test_the_door_explains_the_five_words_beside_the_default_picture(lang: Lang) -> None:
    header = message(open_app("", lang=lang)).header
    assert [word["title"] for word in header["words"].values()] == [title(lang) for title, _ in WORDS.values()]
    assert all(word["meaning"] and "{" not in word["meaning"] for word in header["words"].values())
    assert header["ui"]["cut"] == UI["cut"](lang, n=96)
    assert len(header["where"]) == len(header["names"]) == 4
    assert header["stages"] == DEEPER and not header["badge"]
    assert (header["block"], header["asked"], header["start"]) == (2, {}, {"head": 1, "token": 78})


def test_what_travels_makes_the_run_s_own_weights_and_is_small() -> None:
    """With the photograph; whole matrices of all blocks would be as much again for every block, and grow with its square."""
    app = open_app("", sample="coffee", size="256", block="2", head="3", token="5")
    header, run = message(app).header, run_of(app)
    assert header["block"] == 1 and header["asked"] == {"head": 2, "token": 4}
    for n in range(4):
        query, key, lse = (run.tensor(f"block{n}.{name}") for name in ("query", "key", "log_sum_exp"))
        assert np.allclose(np.log(np.exp(query.astype(np.float64) @ key).sum(-1)), lse, atol=1e-4)
        assert run.tensor(f"block{n}.value").shape == (4, 24, 32)
    assert {told["type"] for _, told in run.known.values()} == {"f4"}
    (attention,) = run.parts
    photo = attention.header["photo"]["bytes"]
    assert len(attention.body) - photo < 4 * 4 * 24 * (16 * 4 + 16 * 4 + 32 * 4 + 4) + 64


@pytest.mark.parametrize(
    ("model", "names", "said"),
    [
        ("tiny", ["head 1", "head 2", "head 3", "head 4"], NOT_EVIDENCE.en),
        ("base-batch", [*(f"head {n}" for n in range(1, 9))], NOT_EVIDENCE.en),
        ("colour", ["colour", "brightness", "hue", "place"], ""),
    ],
)
def test_other_models_have_their_heads_and_random_ones_say_so(model: str, names: list[str], said: str) -> None:
    header = message(open_app("", model=model, sample="coffee", size="256", lang="en")).header
    assert header["names"] == names and header["badge"] == said
    assert header["block"] == (0 if model == "colour" else 2)
    assert set(header["stages"]) == set(DEEPER)


@pytest.mark.parametrize("parameter", page.LESSONS)
def test_an_old_link_to_the_lesson_still_opens_it(parameter: str) -> None:
    app = open_app("", sample="coffee", size="256", **{parameter: "1" if parameter != "stage" else "weights"})
    assert "steps" in book_of(app)


def wish(app: AppTest, **said: object) -> AppTest:
    """The browser asks."""
    forge(app, {"door": {"wish": said}})
    return app


@pytest.mark.parametrize(("go", "stage"), [("explorer", None), ("lesson", "value")])
def test_a_link_takes_block_head_and_token_along(go: str, stage: str | None) -> None:
    app = wish(open_app("", sample="coffee", size="256"), go=go, stage=stage, block=4, head=3, token=7)
    header = message(app).header
    assert header["link"]["sample"] == "coffee"
    assert app.session_state.block == 4 and header["view"]["block"] == 3
    assert header["view"]["asked"]["head"] == "3" and header["view"]["asked"]["query"] == "7"
    if stage:
        assert header["asked"]["stage"] == stage


@pytest.mark.parametrize(
    "said",
    [
        {"go": "../etc"}, {"go": ["lesson"]}, {}, {"go": "settings"},
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_leaves_one_at_the_door(said: dict[str, object]) -> None:
    assert "words" in message(wish(open_app("", sample="coffee", size="256"), **said)).header


def test_of_a_wish_what_this_run_has_not_is_left_out() -> None:
    app = wish(
        open_app("", sample="coffee", size="256"), go="explorer", block=9, head="x" * 999, token=[1], stage="../"
    )
    assert app.session_state.block == 1 and json.dumps(message(app).header["view"]["asked"]) == "{}"


@pytest.mark.parametrize("lang", LANGS)
def test_i_have_a_picture_opens_the_choice_and_a_choice_closes_it(lang: Lang) -> None:
    app = wish(open_app("", size="256", lang=lang), go="picture")
    (samples,) = (group for group in app.get("button_group") if group.proto.id.endswith("door_sample"))
    samples.set_value("coffee").run()
    assert not app.exception, app.exception
    assert app.session_state.picture == "coffee" and message(app).header["link"]["sample"] == "coffee"


def test_what_was_measured_of_the_model_stands_on_other_pages() -> None:
    assert page.QUIET in markup(open_app("", sample="coffee", size="256"))
    assert page.QUIET not in markup(open_app("reference", sample="coffee", size="256"))


def test_on_ones_own_image_the_network_says_how_few_classes_it_knows() -> None:
    app = open_app("", lang="en")
    assert not message(app).header["badge"]
    # Something so usual that the page itself has no warning for it.
    data = io.BytesIO()
    open_sample("crossing").save(data, "JPEG", quality=95)
    (uploader,) = (widget for widget in app.get("file_uploader") if widget.key == "upload")
    uploader.upload("mine.jpg", data.getvalue(), "image/jpeg").run()
    assert not app.exception and not app.warning
    assert message(app).header["badge"] == UI["few"]("en", classes=len(facts().classes))
