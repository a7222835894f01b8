"""The basics in two minutes: q times k gives a, a times v gives the result, on the test card with the colour model."""

from collections.abc import Mapping

import streamlit as st
from PIL import Image
from torch import Tensor

from topformer_viz.app.canvas.linked import KEPT, Pictures
from topformer_viz.app.frame.address import Takes, one_of
from topformer_viz.app.frame.choices import pick, write_address
from topformer_viz.app.frame.offer import Offer
from topformer_viz.app.frame.view import PROSE, View
from topformer_viz.figures.panel import Array, Group, Panel, Scale, Tile
from topformer_viz.figures.scales import shares
from topformer_viz.figures.subject import Subject, numbers
from topformer_viz.network.colour import QUESTIONS, ColourModel
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import SAMPLES, open_sample
from topformer_viz.network.weights import load_model
from topformer_viz.run.tracing import Trace, trace
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import Lang, Text

CARD = "card"
SIDE = 512  # short side, in pixels; the model's grid has its least number of cells along it
START = 21  # a red square asks first

UI = {
    "intro": Text(
        "Attention in two minutes. The picture is cut into squares, here {rows} × {columns} = {tokens} of them. Each square makes three short lists of "
        "numbers out of what it sees: a query **q**, what it asks; a key **k**, what it answers to; a value **v**, what it hands over.",
        "两分钟看懂注意力。图片被切成方格，这里是 {rows} × {columns} = {tokens} 个。每个方格根据自己看到的内容生成三小串数字："
        "查询 **q**，它要问什么；键 **k**，它能回应什么；值 **v**，它交出什么。",
    ),
    "steps": Text(
        "1. **q times k.** One square asks: its q is multiplied with the k of every square, number by number, and summed. A high score means that "
        "the answer fits the question.\n"
        "2. **That gives a.** Softmax turns the scores into weights a: none is negative, and together they make 1.\n"
        "3. **a times v gives the result.** The square takes from every v as much as a says. The result is a weighted mean of what it read.",
        "1. **q 乘 k**。一个方格提问：它的 q 与每个方格的 k 逐个相乘再求和，得到得分。得分高，说明回应与提问相符。\n"
        "2. **得到 a**。softmax 把得分变成权重 a：没有负数，加起来是 1。\n"
        "3. **a 乘 v，得到结果**。这个方格按 a 的比例从每个 v 中各取一份。结果就是它所读内容的加权平均。",
    ),
    "try": Text(
        "Point at a square of the card to let it ask; click to keep it. The model is made by hand, not learned: squares ask for what "
        "is like them. Its value holds the square's colour, so the result can be seen as a colour. The picture and the model chosen above play no part here.",
        "指向测试卡的一个方格，让它提问；点一下把它固定住。这个模型是手工设定的，不是学来的：每个方格寻找与自己相似的方格。"
        "它的值里存着方格的颜色，所以结果可以当作颜色来看。上面选择的图片和模型在这里不起作用。",
    ),
    "question": Text("They ask for", "问的是"),
    "title": Text("From q and k to a, from a and v to the result", "从 q 和 k 到 a，从 a 和 v 到结果"),
    "card": Text("Who asks", "谁在问"),
    "card_note": Text("the solid frame; the dashed one is asked", "实线框；虚线框是被问的"),
    "scores": Text("q · k", "q · k"),
    "scores_note": Text("its score with every square; 0 is the best match", "它与每个方格的得分，0 表示最相符"),
    "weights": Text("a = softmax(q · k)", "a = softmax(q · k)"),
    "weights_note": Text("its weight on every square; all make 1", "它对每个方格的权重，合计为 1"),
    "sum": Text("a × v", "a × v"),
    "sum_note": Text("what it reads most, with v's colour", "它读得最多的方格，以及 v 的颜色"),
    "result": Text("The result", "结果"),
    "result_note": Text("of every square, as a colour", "每个方格的结果，显示为颜色"),
    "asked": Text("of the square asked", "被问的方格"),
    "more": Text(
        "That is all of it. TopFormer does this with several heads at once, each with a q, k and v of its own, and makes q, k and v with "
        "weights that were learned. The lesson shows every step of it on your picture; “By hand” lets you do the sums yourself.",
        "全部内容就是这些。TopFormer 让几个头同时这样做，每个头有自己的 q、k、v，而生成 q、k、v 的权重是学来的。"
        "课程会在你的图片上展示每一步；“手算”让你自己算一遍。",
    ),
}  # fmt: skip


def takes(view: View) -> Takes:
    """What an address can say of this part of the lab."""
    return {"question": QUESTIONS, **dict.fromkeys(KEPT, range(1, _card()[0].sizes["HW"] + 1))}


def show(view: View) -> None:
    """Draw this part of the lab; the chosen picture and model play no part in it."""
    lang = view.lang
    run, photo = _card()
    grid = run.sizes["H"], run.sizes["W"]
    st.markdown(UI["intro"](lang, rows=grid[0], columns=grid[1], tokens=run.sizes["HW"]), width=PROSE)
    st.markdown(UI["steps"](lang), width=PROSE)
    st.markdown(UI["try"](lang), width=PROSE)
    if "lab_question" not in st.session_state:
        st.session_state.lab_question = view.asked.get("question", next(iter(QUESTIONS)))
    question = st.segmented_control(
        UI["question"](lang), list(QUESTIONS), format_func=lambda name: QUESTION_NAMES[name](lang), required=True,
        **pick("lab_question", list(QUESTIONS)),
    )  # fmt: skip
    head = list(QUESTIONS).index(question)
    scores, weights, value, mixed = (run[f"block0.{name}"][0, head] for name in ("scores", "weights", "value", "mixed"))
    rgb, result = value[:, :3].T, mixed[:, :3].T  # a value's first three features are red, green, blue
    pictures = Pictures(grid)
    asked = UI["asked"](lang)
    for name, picture in {
        "card": pictures.photo("\u00a0"),
        "scores": pictures.row(asked, numbers(scores), Scale(float(scores.amin()), 0.0, "")),
        "weights": pictures.row(asked, numbers(weights), shares(weights)),
        "sum": pictures.terms("\u00a0", weights, rgb, result),
        "result": pictures.colours("\u00a0", result),
    }.items():
        pictures.group(UI[name](lang), [picture], UI[f"{name}_note"](lang))
    pictures.show("lab_basics", UI["title"](lang), photo, lang, (START, int(weights[START].argsort()[-2])))
    st.markdown(UI["more"](lang), width=PROSE)
    write_address(view, {"part": "basics", "question": question}, KEPT)


FIGURES = {
    "pictures": Text("From q and k to the result", "从 q 和 k 到结果"),
    "about": Text("Colour, made by hand · they ask for {question} · the test card", "颜色（手工设定）· 问的是{question} · 测试卡"),
    "model": Text("The colour model, made by hand", "手工设定的颜色模型"),
    "score": Text("score q · k (no unit)", "得分 q · k（无单位）"),
    "weight": Text("weight a (share, no unit)", "权重 a（份额，无单位）"),
    "root": Text("Colour of the weights grows with the square root.", "权重的颜色随平方根变化。"),
    "result": Text("The result of every square, as a colour: the mean of the colours it reads, by its weights.", "每个方格的结果显示为颜色：它所读颜色按权重的平均。"),
}  # fmt: skip


def figures(view: View) -> list[Offer]:
    """What can be saved of this part of the lab."""
    return [Offer("pictures", FIGURES["pictures"], lambda asked: _steps(view.lang, asked))]


def _steps(lang: Lang, asked: Mapping[str, str]) -> Panel:
    """The card, one square's scores and weights, and every square's result."""
    run, photo = _card()
    name = one_of(asked, "question", QUESTIONS, next(iter(QUESTIONS)))
    question, head = QUESTION_NAMES[name](lang), list(QUESTIONS).index(name)
    model = load_model("colour")
    subject = Subject(run, model, photo, FIGURES["model"](lang), SAMPLES[CARD].name(lang), False, lang)
    grid = subject.grid
    pixel = one_of(asked, "pixel", range(1, grid[0] * grid[1] + 1), START + 1) - 1
    scores, weights, mixed = (run[f"block0.{stage}"][0, head] for stage in ("scores", "weights", "mixed"))
    shape, marks = photo.height / photo.width, (divmod(pixel, grid[1]),)
    score = Scale(float(scores.amin()), 0.0, FIGURES["score"](lang))
    tiles = (
        Tile(subject.picture, shape, title=UI["card"](lang), lines=grid, marks=marks),
        Tile(numbers(scores[pixel].reshape(grid)), shape, score, UI["scores"](lang), marks=marks),
        Tile(
            numbers(weights[pixel].reshape(grid)), shape, shares(weights, quantity=FIGURES["weight"](lang)),
            UI["weights"](lang), marks=marks,
        ),
        Tile(result_picture(mixed, grid), shape, title=UI["result"](lang), crisp=True, marks=marks),
    )  # fmt: skip
    said = [UI["scores_note"](lang), UI["weights_note"](lang)]
    said = [f"{part[0].upper()}{part[1:]}{'.' if lang == 'en' else '。'}" for part in said]
    said += [FIGURES["result"](lang), FIGURES["root"](lang)]
    about = FIGURES["about"](lang, question=question)
    return Panel(
        f"basics-{name}-pixel{pixel + 1}", UI["title"](lang), about, subject.caption(said, None),
        groups=(Group(tiles),),
    )  # fmt: skip


def result_picture(mixed: Tensor, grid: tuple[int, int]) -> Array:
    """What was read, (HW, d), as colours: its first three features are red, green, blue from 0 to 1."""
    rgb = mixed[:, :3].reshape(*grid, 3).clamp(0, 1) * 255
    return rgb.round().byte().cpu().numpy()


@st.cache_resource(show_spinner=False)
def _card() -> tuple[Trace, Image.Image]:
    """The colour model's run on the test card, and the card as the model saw it."""
    card = open_sample(CARD)
    model = load_model("colour")
    assert isinstance(model, ColourModel)
    photo = card.resize(network_size(*card.size, SIDE, model.grid**2 * 4), Image.Resampling.LANCZOS)
    return trace(model, photo), photo
