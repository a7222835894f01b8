"""The words of the lesson that needs no server: what stands around its pages, by language, as site.js takes them."""

from typing import Any

from topformer_viz.app.canvas.linked_script import UI as LINKED
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.door import words as door
from topformer_viz.app.frame.address import GONE
from topformer_viz.app.frame.words import BACKBONE, OVERFLOWS, OWN_LABEL, UI, UNLIKE
from topformer_viz.app.lab.basics.words import START
from topformer_viz.app.lab.basics.words import UI as BASICS
from topformer_viz.app.lesson.words import UI as LESSON
from topformer_viz.network import refusals
from topformer_viz.network.choices import FACTS, MODELS
from topformer_viz.network.colour import ColourModel
from topformer_viz.network.images import REFUSALS
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import SAMPLES, draw_test_card
from topformer_viz.words.names import QUESTION_NAMES
from topformer_viz.words.text import LANGS, Lang, Text

PAGES = ("door", "lesson", "explorer", "network")
ELSEWHERE = ("lab", "heads", "starts", "reference")  # which only the app has
COMMAND = "pip install -r requirements.txt && streamlit run app.py"
BASICS_NAME = Text("Basics", "基础")
OWN = {
    "wasm": Text("WebAssembly", "WebAssembly"),
    "plain": Text("JavaScript (this page may not use WebAssembly)", "JavaScript（本页不能使用 WebAssembly）"),
    "badge_tip": Text(
        "Attention weights made from the query and key that ran here are compared with those of a second pass in plain JavaScript, in which BatchNorm "
        "follows its convolution as the model is written; and the sums of single rows with those of the run. The larger difference is {difference}, in units of "
        "attention weight.",
        "用这里实际算出的查询和键得到的注意力权重，与另一次前向传播的结果相比：后者用普通 JavaScript 按模型原样计算，BatchNorm 单独接在卷积之后；单独一行的和也与那次运行相比。"
        "较大的差别是 {difference}，单位为注意力权重。",
    ),
    "failed": Text("This could not be done. Please try another choice.", "没有做成，请换一种选择试试。"),
    "drop": Text("Drop an image or a checkpoint", "放下图片或权重文件"),
    "drop_help": Text(
        "Or drop one anywhere on this page, or paste it. JPEG, PNG, WebP, AVIF, GIF or BMP, and HEIC where the browser can; up to 40 megapixels. It "
        "never leaves this device.",
        "也可以把图片拖到本页任意位置，或直接粘贴。支持 JPEG、PNG、WebP、AVIF、GIF、BMP，浏览器支持时还有 HEIC；最多 4000 万像素。图片不会离开这台设备。",
    ),
    "no_camera": Text(
        "No camera here: there is none, or this browser does not let this page use it.",
        "这里无法使用摄像头：没有摄像头，或浏览器不允许本页使用。",
    ),
    "checkpoint_help": Text(
        "A TopFormer checkpoint, .safetensors: tiny, small or base, of any classes. It never leaves this device.",
        "TopFormer 的 .safetensors 权重文件：tiny、small 或 base，类别不限。文件不会离开这台设备。",
    ),
    "absent": Text(
        "“{page}” is not in this file: it needs PyTorch, and is in the app, which this command starts in the project's folder:",
        "“{page}”不在这个文件里：它需要 PyTorch，请在项目文件夹里用这条命令启动应用：",
    ),
    "more": Text("In the app", "完整应用"),
    "more_words": Text(
        "The lab, what each head reads, initialisation, the reference, figures to save and training are in the app. It needs Python and PyTorch; this "
        "command starts it in the project's folder:",
        "实验室、各个头读什么、初始化、参考、可保存的图和训练都在完整应用里。它需要 Python 和 PyTorch，请在项目文件夹里用这条命令启动：",
    ),
    "about": Text(
        "The network runs here, in the browser: what you open never leaves this device, and nothing is asked of any other.",
        "网络就在这个浏览器里运行：你打开的内容不会离开这台设备，也不会向别处请求任何东西。",
    ),
    "cannot": Text(
        "This browser cannot run this page. A current Chrome, Edge, Firefox or Safari can.",
        "这个浏览器无法运行本页，请使用新版的 Chrome、Edge、Firefox 或 Safari。",
    ),
    "terms": Text("Terms of the weights and of the samples; sources", "权重与示例图片的使用条款、来源"),
}  # fmt: skip
TAKEN = (
    "title", "picture", "own", "own_picture", "named", "chosen", "samples", "upload", "camera", "camera_label", "model", "own_model", "open_model",
    "choose_file", "language", "close", "running", "resized", "shortened", "ran", "take",
)  # fmt: skip
# By the name of what they refuse for; their places are filled in the browser.
REASONS: dict[str, Text] = {
    **REFUSALS,
    "unreadable here": Text(
        "This browser cannot read this {format} file. Safari reads such files; elsewhere please save the image as a JPEG and try again.",
        "这个浏览器无法读取这个 {format} 文件。Safari 可以读取这类文件；在其他浏览器里，请将图片另存为 JPEG 后再试。",
    ),
    **{name: text for name, text in vars(refusals).items() if isinstance(text, Text)},
    **{f"KINDS.{name}": text for name, text in refusals.KINDS.items()},
    **{f"MISFITS.{name}": text for name, text in refusals.MISFITS.items()},
    "OVERFLOWS_HERE": OVERFLOWS,
    "TO_CONVERT": refusals.TO_CONVERT.format(command=refusals.CONVERT),
}


def words(lang: Lang) -> dict[str, Any]:
    """All that the page says beside what the books say."""
    gone = {f"gone_{name}": text for name, text in GONE.items()}
    ui = {name: UI[name] for name in TAKEN} | gone | OWN
    return {
        "name": LANGS[lang],
        "space": " " if lang == "en" else "",
        "ui": {name: text(lang) for name, text in ui.items()}
        | {"unlike": UNLIKE(lang, usual=f"{1 - FACTS.rarely:.0%}")},
        "pages": {name: UI[name](lang) for name in PAGES} | {"basics": BASICS_NAME(lang)},
        "elsewhere": {name: UI[name](lang) for name in ELSEWHERE},
        "samples": {name: {"name": each.name(lang), "credit": each.credit(lang)} for name, each in SAMPLES.items()},
        "models": {
            **{slug: _model(each.name, each.short, each.label, lang) for slug, each in MODELS.items()},
            "own": _model(UI["own_model"], UI["own_model"], OWN_LABEL, lang),
        },
        "backbone": BACKBONE(lang),
        "warned": {"random": LESSON["random"](lang), "unlike": LESSON["unlike"](lang)},
        "cautions": {"random": door.UI["random"](lang), "few": door.UI["few"](lang, classes=len(FACTS.classes))},
        "refusals": {name: text(lang) for name, text in REASONS.items()} | {"and": "; " if lang == "en" else "；"},
        "basics": _basics(lang),
    }


def _model(name: Text, short: Text, label: Text, lang: Lang) -> dict[str, str]:
    return {"name": name(lang), "short": short(lang), "label": label(lang)}


def _basics(lang: Lang) -> dict[str, Any]:
    """The lab's part on the basics (lab/basics/page.py), as basics.js takes it."""
    width, height = network_size(*draw_test_card().size)
    rows, columns = ColourModel().token_grid(height, width)
    grid = {"rows": rows, "columns": columns, "tokens": rows * columns}
    pictures = ("card", "scores", "weights", "sum", "result")
    return {
        "prose": {name: _prose(BASICS[name](lang, **grid)) for name in ("intro", "steps", "try", "more")},
        "question": BASICS["question"](lang),
        "names": {name: text(lang) for name, text in QUESTION_NAMES.items()},
        "asked": BASICS["asked"](lang),
        "title": BASICS["title"](lang),
        "titles": {name: BASICS[name](lang) for name in pictures},
        "notes": {name: BASICS[f"{name}_note"](lang) for name in pictures},
        "start": START,
        "ui": {name: text(lang) for name, text in LINKED.items()},
    }


def _prose(text: str) -> str:
    """Paragraphs, or a numbered list, as HTML."""
    lines = text.split("\n")
    if lines[0].startswith("1. "):
        items = (note_html(line.partition(". ")[2]) for line in lines)
        return f"<ol>{''.join(f'<li>{item}</li>' for item in items)}</ol>"
    return "".join(f"<p>{note_html(line)}</p>" for line in lines)
