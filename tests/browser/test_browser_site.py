"""The lesson as one file, opened in Chromium from disk: what it computes and says is what the app does, and it asks nobody."""

import base64
import copy
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.torch
from corpus import HEIC
from PIL import Image
from playwright.sync_api import expect
from sending import filled

from topformer_viz import Trace, lesson, load_model, network_size, open_sample, trace
from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.door.payload import door_book
from topformer_viz.app.explorer.change import change_of
from topformer_viz.app.lesson.payload import lesson_book
from topformer_viz.app.network.payload import network_book
from topformer_viz.app.site.file import Brought, Contents, lossless, single_html
from topformer_viz.app.site.words import words
from topformer_viz.network.choices import FACTS, MODELS
from topformer_viz.network.classes import CLASS_SETS
from topformer_viz.network.colour import Model
from topformer_viz.network.images import REFUSALS, open_image
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.network.input import to_tensor
from topformer_viz.network.model import SIZES, TopFormer
from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.measures import cosines, on_most_like
from topformer_viz.run.numbers import answers_of
from topformer_viz.run.walk import Known, output_of
from topformer_viz.run.whole import Seen
from topformer_viz.run.whole import answers_of as answers_of_whole
from topformer_viz.study import likeness
from topformer_viz.words.text import LANGS, Lang

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

Visit = Callable[..., "Page"]
DROP = """([encoded, name, kind]) => {
  const bytes = Uint8Array.fromBase64(encoded), dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: kind }));
  for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}"""
TENSOR = """(name) => {
  const { axes, shape, data } = topformer.tensor(name);
  return [axes, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength).toBase64()];
}"""
_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-−+]?\d+)?")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lesson in both languages."""
    path = tmp_path_factory.mktemp("site") / "lesson.html"
    path.write_text(single_html(Contents()), "utf-8")
    return path


@pytest.fixture
def visit(browser: "Browser", file: Path) -> Iterator[Visit]:
    """visit(said="", file=..., width=1440, height=900): the page, when a run is on show; nothing may complain, nor be asked for."""
    opened: list[Page] = []
    faults: list[str] = []

    def open_page(said: str = "door", at: str = "", width: int = 1440, height: int = 900, ready: bool = True) -> "Page":
        page = browser.new_context(locale="en-GB", viewport={"width": width, "height": height}).new_page()
        opened.append(page)
        own = at or file.as_uri()
        page.on("request", lambda request: request.url.split("#")[0] == own or note(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.goto(f"{own}#{said}")
        if ready:
            settled(page)
        return page

    def note(url: str) -> None:
        if not url.startswith(("blob:", "data:")):
            faults.append(f"asked for {url}")

    yield open_page
    for page in opened:
        page.context.close()
    assert faults == []


def root(page: "Page") -> Any:
    return page.get_by_test_id("lesson-file")


def settled(page: "Page") -> None:
    expect(root(page)).to_have_attribute("data-state", re.compile("ready|error"), timeout=60_000)


def drop(page: "Page", data: bytes, name: str, kind: str = "") -> None:
    page.evaluate(DROP, [base64.b64encode(data).decode(), name, kind])


def tensor(page: "Page | Frame", name: str) -> tuple[list[str], np.ndarray]:
    axes, shape, data = page.evaluate(TENSOR, name)
    return axes, np.frombuffer(base64.b64decode(data), "<f4").reshape(shape)


@cache
def model_of(name: str) -> Model:
    return load_model(MODELS[name].source)


def run_of(model: Model, picture: Image.Image, batch: bool = False) -> tuple[Model, Trace]:
    """The app's run of a picture at 512, with the image's own statistics where they are asked for."""
    image = to_tensor(picture.resize(network_size(*picture.size, 512, 512), Image.Resampling.LANCZOS))
    model = with_batch_statistics(model, image) if batch else model
    return model, trace(model, image)


# ---------------------------------------------------------------- what it says is what the app says


def leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict | list):
        yield path, (type(part).__name__, len(part))
        for name, own in part.items() if isinstance(part, dict) else enumerate(part):
            yield from leaves(own, f"{path}/{name}")
    else:
        yield path, part


def alike(theirs: Any, ours: Any, off: float) -> bool:
    """The same word, or a number so near; in a text, whose last digit may be rounded otherwise, within one of that."""
    if isinstance(ours, float):
        return isinstance(theirs, int | float) and abs(theirs - ours) <= off * max(1, abs(ours))
    if theirs == ours or not isinstance(ours, str) or not isinstance(theirs, str):
        return theirs == ours
    if _NUMBER.sub("#", theirs) != _NUMBER.sub("#", ours):
        return False
    pairs = zip(_NUMBER.findall(theirs), _NUMBER.findall(ours), strict=True)
    return all(abs(_value(their) - _value(our)) <= max(1.01 * _last(our), off) for their, our in pairs)


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


def _last(number: str) -> float:
    """One of a number's last digit."""
    mantissa, _, power = number.replace("−", "-").partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def see_that_they_say_the_same(theirs: Any, ours: Any, off: float) -> None:
    theirs, ours = dict(leaves(theirs)), dict(leaves(json.loads(json.dumps(ours))))
    assert {
        path: (theirs.get(path), leaf) for path, leaf in ours.items() if not alike(theirs.get(path), leaf, off)
    } == {}
    assert theirs.keys() == ours.keys()


def see_what_is_told(page: "Page", model: Model, run: Trace, lang: Lang, named: str, off: float = 1e-4) -> None:
    """All pages on this run, leaf by leaf; ``named``: the model's, as addresses have it."""
    known, answers = Known.of(run, model), answers_of(run, model)
    book = lesson_book(known, lang)
    assert sum(1 for _ in leaves(book)) > 500
    for block in range(known.blocks):
        steps = [filled(book["steps"][n], answers, block) for n in book["blocks"][block]]
        theirs = page.evaluate("(b) => topformer.told('lesson', b)", block)
        see_that_they_say_the_same(theirs, book | {"steps": steps}, off)
    see_that_they_say_the_same(page.evaluate("topformer.told('door')"), door_book(known, lang), off)
    if known.spec:
        page.evaluate("location.hash = 'network'")
        expect(page.locator(".network .count")).to_be_visible(timeout=60_000)
        told = network_book(known, known.spec, FACTS if named == "everyday" else None, named in SIZES, lang)
        whole = answers_of_whole(Seen(run, model), known)  # type: ignore[arg-type]
        see_that_they_say_the_same(page.evaluate("topformer.told('network')"), filled(told, whole, 0), off)


def see_tensors(page: "Page | Frame", run: Trace, off: float = 1e-4) -> None:
    names = page.evaluate("topformer.run")
    assert names == list(run)
    for name in names:
        axes, values = tensor(page, name)
        expected = run[name][0].numpy()
        assert axes == list(run.axes_of(name)[1:]) and values.shape == expected.shape, name
        assert (np.abs(values - expected) <= off * np.maximum(1, np.abs(expected))).all(), name


@pytest.mark.parametrize("lang", LANGS)
def test_every_sample_says_and_computes_what_the_app_does(visit: Visit, lang: Lang) -> None:
    """One after the other, half of them in each language."""
    page = visit(f"basics?lang={lang}")
    for sample in list(SAMPLES)[list(LANGS).index(lang) :: len(LANGS)]:
        page.evaluate("(said) => (location.hash = said)", f"lesson?sample={sample}&lang={lang}")
        expect(page.locator(".pictures summary")).to_contain_text(SAMPLES[sample].name(lang))
        settled(page)
        model, run = run_of(model_of("everyday"), open_sample(sample))
        see_tensors(page, run)
        see_what_is_told(page, model, run, lang, "everyday")
        expect(page.locator(".warned")).to_be_visible(visible=likeness.unlike(likeness.load(), run, FACTS.far))


@pytest.mark.parametrize("name", ["colour", "small-batch"])
def test_so_does_every_other_model(visit: Visit, name: str) -> None:
    page = visit(f"lesson?sample=coffee&model={name}")
    batch = MODELS[name].batch_statistics
    model, run = run_of(model_of(name), open_sample("coffee"), batch)
    # With one image's statistics rounding grows from block to block: PyTorch's own float32 is up to 3.6e-4 from its float64.
    off = 5e-4 if batch else 1e-4
    see_tensors(page, run, off)
    see_what_is_told(page, model, run, "en", MODELS[name].source, off)


def test_under_a_blocks_output_stands_what_the_network_would_say_after_it(visit: Visit) -> None:
    """Of every image anew, and where there are classes."""
    page, names = visit("lesson?stage=output&block=2&sample=cat"), CLASS_SETS["everyday"].names
    for sample in ("cat", "street"):
        page.evaluate("(said) => (location.hash = said)", f"lesson?stage=output&block=2&sample={sample}")
        expect(page.locator(".pictures summary")).to_contain_text(SAMPLES[sample].name("en"))
        settled(page)
        model, run = run_of(model_of("everyday"), open_sample(sample))
        assert isinstance(model, TopFormer)
        told = Seen(run, model)["lens block1"]
        said = [LENS_WORDS["lens_changed"]("en", share=f"{told['share']:.1%}")]
        for own in told["classes"]:
            shares = {part: f"{own[part]:.1%}" for part in ("before", "after")}
            said.append(LENS_WORDS["lens_class"]("en", name=names[own["class"]].en, **shares))
        said.append(LENS_WORDS["lens_others"]("en", most=f"{told['others']:.1%}"))
        expect(page.locator(".stopping")).to_have_attribute("aria-busy", "false", timeout=60_000)
        lines = page.locator(".lens .change :is(p, li)").all_inner_texts()
        assert len(lines) == len(said) and all(alike(their, our, 0) for their, our in zip(lines, said, strict=True))
    page.evaluate("location.hash = 'lesson?stage=residual&model=colour'")
    expect(page.locator(".lesson h2")).to_contain_text("residual")
    expect(page.locator(".stopping")).to_be_hidden()


def as_file(model: TopFormer, names: list[str] | None = None) -> bytes:
    about = {"classes": json.dumps(names)} if names else None
    return safetensors.torch.save({name: each.clone() for name, each in model.state_dict().items()}, about)


@pytest.mark.parametrize("classes", [7, None])
def test_a_checkpoint_that_is_dropped_runs(visit: Visit, varied, classes: int | None) -> None:
    names = [f"thing {{{n}}} <b>" for n in range(classes)] if classes else None
    page, own = visit("lesson?sample=cat"), copy.copy(varied("tiny", classes))
    drop(page, as_file(own, names), "mine.safetensors")
    expect(page.locator(".models summary")).to_contain_text(words("en")["models"]["own"]["name"], timeout=60_000)
    settled(page)
    own.class_names = tuple(names) if names else None
    model, run = run_of(own, open_sample("cat"))
    see_tensors(page, run)
    see_what_is_told(page, model, run, "en", "own")


# ---------------------------------------------------------------- what a visitor does


def a_photograph(side: tuple[int, int] = (1000, 620)) -> tuple[bytes, Image.Image]:
    """A picture that nobody prepared: its file, turned by EXIF, and as the app opens it."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    open_sample("crossing").resize(side).save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue(), open_image(out.getvalue(), reduced=True)


def test_a_photograph_that_is_dropped_is_read_as_in_the_app(visit: Visit) -> None:
    data, picture = a_photograph()
    page = visit("lesson?stage=tokens")
    drop(page, data, "photo.jpg", "image/jpeg")
    expect(page.locator(".pictures summary")).to_contain_text("your own", timeout=60_000)
    expect(root(page)).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(page.locator(".wide .run-line")).to_contain_text(
        "512 × 832" if picture.width < picture.height else "832 × 512"
    )
    assert picture.width < picture.height
    see_tensors(page, run_of(model_of("everyday"), picture)[1])
    assert "sample=own" in page.evaluate("location.hash")


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_no_picture_is_refused_in_the_apps_words_and_the_last_one_stays(visit: Visit, lang: Lang) -> None:
    page = visit(f"explorer?lang={lang}")
    before = page.evaluate("topformer.run.length")
    drop(page, b"no picture at all", "photo.jpg", "image/jpeg")
    expect(page.locator(".problem")).to_have_text(REFUSALS["unreadable"](lang))
    expect(root(page)).to_have_attribute("data-state", "ready")
    assert page.evaluate("topformer.run.length") == before
    drop(page, HEIC, "IMG_0001.HEIC")
    expect(page.locator(".problem")).to_contain_text("JPEG")
    expect(page.locator(".problem")).to_contain_text("Safari")
    drop(page, b"PK\3\4" + bytes(22) + b"\x0c\0\0\0old/data.pkl" + bytes(100), "old.pth")
    expect(page.locator(".problem")).to_contain_text("OLD.pth NEW.safetensors")
    drop(page, b"{}", "mine.safetensors")
    expect(page.locator(".problem")).to_contain_text("mine.safetensors")
    expect(page.locator(".explorer")).to_be_visible()


def test_a_newer_picture_overtakes_the_one_at_work(visit: Visit) -> None:
    page = visit("explorer")
    first, second = (base64.b64encode(lossless(open_sample(name))).decode() for name in ("china", "cat"))
    blob = "(text) => new Blob([Uint8Array.fromBase64(text)])"
    page.evaluate(
        f"([a, b]) => {{ const blob = {blob}; topformer.open(blob(a)); topformer.open(blob(b)); }}", [first, second]
    )
    width, height = (side // 64 for side in network_size(*open_sample("cat").size, 512, 512))
    expect(page.locator(".wide .run-line")).to_contain_text(f"{height} rows × {width} columns", timeout=60_000)
    expect(root(page)).to_have_attribute("data-state", "ready", timeout=60_000)
    page.wait_for_timeout(500)
    expect(page.locator(".wide .run-line")).to_contain_text(f"{height} rows × {width} columns")


def test_the_explorer_says_how_far_it_is_from_plain_javascript(visit: Visit) -> None:
    page = visit("explorer")
    expect(page.locator(".badge .equal")).to_have_text(re.compile(r"\d"), timeout=60_000)
    digits = int(re.findall(r"\d+", page.locator(".badge .equal").inner_text())[-1])
    assert 4 <= digits <= 7


def test_a_head_taken_away_changes_what_it_does_in_the_app(visit: Visit) -> None:
    page = visit("explorer?block=3&head=2&removal=without-2")
    model, run = run_of(model_of("everyday"), open_sample("street"))
    change = change_of(run, model, 2, [1])
    assert change.labels is not None
    share = f"{change.said[0]['share']:.1%}"
    expect(page.locator(".removal .facts")).to_contain_text(share, timeout=60_000)
    expect(page.locator(".removal .facts")).to_contain_text(f"{float(change.labels.changed.float().mean()):.1%}")
    expect(page.locator(".removal .result .view")).to_have_count(4)


@pytest.mark.parametrize("name", ["everyday", "colour"])
def test_likeness_is_the_apps(visit: Visit, name: str) -> None:
    page = visit(f"explorer?model={name}&block={3 if name == 'everyday' else 1}&head=2&query=40&lock=1&similarity=1")
    _, run = run_of(model_of(name), open_sample("street"))
    block = 2 if name == "everyday" else 0
    enters, leaves = (cosines(run[of], [39]) for of in (f"block{block}.tokens", output_of(run, block)))
    weights = run[f"block{block}.weights"][0, 1, 39]
    most, other = on_most_like(weights, enters, [39]), int(weights.argmax())
    assert most
    said = page.locator(".similarity .alike")
    expect(said).to_be_visible()
    share, uniform, before, after, weight = (
        float(number.replace("−", "-"))
        for number in re.search(
            r"(\S+)% fall on .* put (\S+)% there\. .* likeness (\S+) in the input, (\S+) in the output; attention weight (\S+)\.$",
            said.inner_text(),
        ).groups()  # type: ignore[union-attr]
    )
    expected = [100 * most.share, 100 * most.uniform, float(enters[other]), float(leaves[other]), float(weights[other])]
    assert [share, uniform, before, after, weight] == pytest.approx(expected, rel=6e-3)


def test_the_address_leads_to_the_same_view(visit: Visit) -> None:
    page = visit("lesson?stage=query&block=2&head=3&sample=cat&lang=zh")
    expect(page.locator(".lesson h2 code")).to_have_text("query")
    expect(page.locator(".lesson .toolbar .blocks [aria-pressed=true]")).to_have_text("2")
    page.locator(".lesson .turn .next").first.click()
    at = page.evaluate("location.hash")
    assert at.startswith("#lesson?") and "block=2" in at and "sample=cat" in at and "stage=query" not in at
    again = visit(at[1:])
    assert again.locator(".lesson h2 code").inner_text() == page.locator(".lesson h2 code").inner_text()


def test_pages_lead_to_one_another_and_keep_the_block(visit: Visit) -> None:
    page = visit()
    page.locator(".door .way.start").click()
    expect(page.locator(".lesson h2")).to_be_visible()
    page.locator(".lesson .blocks button").nth(3).click()
    page.locator(".pages a[href='#explorer']").click()
    expect(page.get_by_test_id("explorer")).to_have_attribute("data-block", "3")
    page.locator(".pages a[href='#network']").click()
    expect(page.locator(".network .scene")).to_be_visible(timeout=60_000)
    page.locator(".pages a[href='#basics']").click()
    expect(page.locator(".panels .said")).to_contain_text("token 22", timeout=60_000)


def test_the_quiz_and_the_presenter_are_there(visit: Visit) -> None:
    page = visit("lesson?stage=weights&quiz=1")
    expect(page.locator(".quiz .prompt")).to_be_visible()
    page.locator(".quiz .option").first.click()
    expect(page.locator(".quiz .reason")).not_to_be_empty()
    page.keyboard.press("p")
    expect(page.locator(".lesson.presenting")).to_be_visible()
    expect(page.locator(".top")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator(".top")).to_be_visible()


def test_the_language_changes_in_place(visit: Visit) -> None:
    page = visit("lesson?stage=scores")
    page.locator(".langs button", has_text="中文").click()
    expect(page.locator(".pages")).to_contain_text(words("zh")["pages"]["lesson"])
    expect(page.locator(".lesson h2 code")).to_have_text("scores")


def test_what_only_the_app_has_is_said_with_its_command(visit: Visit) -> None:
    page = visit("lesson?stage=scores")
    page.locator(".tries a").first.click()
    expect(page.locator(".absent")).to_contain_text("streamlit run app.py")
    expect(page.locator(".lesson h2 code")).to_have_text("scores")
    page.locator(".absent button").click()
    page.locator(".lesson .turn .next").first.click()
    expect(page.locator(".lesson h2 code")).to_have_text("weights")


def test_an_address_of_what_only_the_app_has_says_so_at_once(visit: Visit) -> None:
    page = visit("lab?part=cost")
    expect(page.locator(".absent")).to_contain_text("streamlit run app.py")
    expect(page.locator(".door")).to_be_visible()
    assert "part" not in page.evaluate("location.hash")


@pytest.mark.parametrize(
    "said",
    ["%E0%A4%A", "lesson?stage=%", "lesson?stage=nothing&block=99&head=-1&model=<b>&sample=own", "?", "constructor"],
)
def test_an_address_of_nonsense_leads_to_a_page_that_works(visit: Visit, said: str) -> None:
    page = visit(said)
    expect(root(page)).to_have_attribute("data-state", "ready")
    expect(page.locator("main .component").first).to_be_visible()


def test_without_webassembly_the_same_loops_run_in_javascript(visit: Visit) -> None:
    page = visit("lesson?sample=cat&kernels=plain")
    expect(root(page)).to_have_attribute("data-engine", "plain")
    see_tensors(page, run_of(model_of("everyday"), open_sample("cat"))[1])


# ---------------------------------------------------------------- files


def test_a_lesson_can_begin_with_somebodys_picture_and_checkpoint(visit: Visit, varied, tmp_path: Path) -> None:
    data, picture = a_photograph((700, 500))
    own, at = varied("tiny", 19), tmp_path / "own.html"
    photo = picture.resize(network_size(*picture.size, 512, 512), Image.Resampling.LANCZOS)
    contents = Contents(
        ("en",), picture=Brought(lossless(photo), "<b>A walk</b>"), checkpoint=Brought(as_file(own), "mine")
    )
    at.write_text(single_html(contents), "utf-8")
    page = visit("door", at.as_uri())
    expect(page.locator(".pictures summary")).to_contain_text("<b>A walk</b>")
    see_tensors(page, run_of(own, picture)[1])
    assert page.locator(".langs button").count() == 0


def test_terms_of_weights_and_samples_are_in_the_file(visit: Visit) -> None:
    page = visit()
    page.locator(".terms summary").click()
    expect(page.locator(".terms pre")).to_contain_text("research and")
    expect(page.locator(".terms pre")).to_contain_text("danielbuechele")


def test_the_file_is_small_enough_to_be_mailed(file: Path) -> None:
    assert file.stat().st_size <= 6_000_000
    assert len(single_html(Contents(("zh",))).encode()) <= 5_000_000


@pytest.mark.parametrize("width", [390, 1024])
def test_nothing_is_wider_than_the_screen(visit: Visit, width: int) -> None:
    page = visit("door", width=width, height=844)
    for said in ("door", "lesson?stage=weights", "explorer", "network?part=segmentation", "basics"):
        page.evaluate("(said) => (location.hash = said)", said)
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, said


def test_in_a_notebook_the_lesson_stands_in_a_frame_and_can_be_saved(visit: Visit, varied, tmp_path: Path) -> None:
    picture, at = open_sample("cat"), tmp_path / "frame.html"
    shown = lesson(varied("tiny", 19), picture)
    at.write_text(f'<!DOCTYPE html><meta charset="utf-8">{shown._repr_html_()}', "utf-8")
    page = visit("", at.as_uri(), ready=False)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_test_id("lesson-file")).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(frame.locator(".lesson h2")).to_be_visible()
    see_tensors(page.frames[1], run_of(varied("tiny", 19), picture)[1])
    shown.save(tmp_path / "saved.html")
    assert (tmp_path / "saved.html").read_text("utf-8") == shown.html
    assert 'id="weights.halves.gz"' not in shown.html
    assert '"model":"everyday"' in lesson(load_model("everyday"), picture).html
