"""The bar above every page: figures, the lesson, numbers as files; the link to the view on show as text and QR code.

The browser sends the address's parameters along with a wish, since it alone knows the view on show; the answer travels
back with the next payload, once.
"""

import io
import ipaddress
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

import segno
import streamlit as st
from PIL import Image

from topformer_viz.figures.overview import overview_panel
from topformer_viz.figures.panel import Panel
from topformer_viz.figures.stages import shape_panel, stage_panel
from topformer_viz.network.colour import MIN_GRID
from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.tracing import npz
from topformer_viz.run.walk import walk
from topformer_viz.saving import OWN, Offer
from topformer_viz.server.queue import Queue
from topformer_viz.wire import CANVAS_CSS, CANVAS_JS, COPY_WORDS, Body
from topformer_viz.words.text import Lang, Text

if TYPE_CHECKING:
    from topformer_viz.figures.look import Format, Look
    from topformer_viz.session import View

_HERE = Path(__file__).parent
_log = logging.getLogger(__name__)
_component = st.components.v2.component(
    "topformer_saving",
    html=(_HERE / "bar.html").read_text("utf-8"),
    css=CANVAS_CSS + (_HERE / "bar.css").read_text("utf-8"),
    js=f"{CANVAS_JS}\n{(_HERE / 'bar.js').read_text('utf-8')}",
)
START = "streamlit run app.py --server.address 0.0.0.0"  # open to the network, whatever else is set
FILES = Queue(4)  # ZIPs and animations, which take many seconds each
MAX_LINK = 1500  # characters: what a QR code holds and a telephone can still read

FORMATS: "dict[str, tuple[Format, int]]" = {
    "png1": ("png", 1), "png2": ("png", 2), "png4": ("png", 4), "svg": ("svg", 1), "pdf": ("pdf", 1),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Text]] = {
    "format": {
        "png1": Text("PNG 1×", "PNG 1×"), "png2": Text("PNG 2×", "PNG 2×"), "png4": Text("PNG 4×", "PNG 4×"),
        "svg": Text("SVG", "SVG"), "pdf": Text("PDF", "PDF"),
    },
    "width": {
        "column": Text("One column", "单栏"), "page": Text("Two columns", "双栏"), "slide": Text("Slide", "幻灯片"),
    },
    "theme": {
        "white": Text("White", "白色"), "dark": Text("Dark", "深色"), "transparent": Text("Transparent", "透明"),
    },
}  # fmt: skip
# What the dialogs say,
UI = {
    "save": Text("Save", "保存"),
    "share": Text("Share", "分享"),
    "save_title": Text("Save a figure of this view", "保存此视图的图"),
    "share_title": Text("Link to this view", "此视图的链接"),
    "close": Text("Close", "关闭"),
    "figure": Text("Figure", "图"),
    "format": Text("Format", "格式"),
    "width": Text("Width", "宽度"),
    "theme": Text("Background", "背景"),
    "words": Text("Title and caption", "标题与说明"),
    "save_figure": Text("Save the figure", "保存这张图"),
    "preview": Text("Preview of the figure", "图的预览"),
    "drawing": Text("Drawing…", "正在绘制……"),
    "writing": Text("Writing the file…", "正在写文件……"),
    "saved": Text("{name}, {size} MB, is in your downloads.", "{name}（{size} MB）已下载。"),
    "link": Text("Address", "地址"),
    "copy": Text("Copy", "复制"),
    **COPY_WORDS,
    "code": Text("QR code of the address", "地址的二维码"),
    "hint": Text(
        "For students' own devices, in the same network as this server. If a device does not get through, ask whether the "
        "network lets devices reach one another.",
        "供学生自己的设备使用，设备须与本服务器在同一网络。如果打不开，请确认网络是否允许设备之间互相访问。",
    ),
    "alone": Text(
        "This address works on this machine alone, so there is no code to scan. To let other devices in, connect the machine to "
        "their network, start the app with {command} and share again.",
        "这个地址只在本机有效，因此没有可扫的二维码。要让其他设备也能打开，请让本机接入同一局域网，用 {command} 启动应用，再重新分享。",
    ),
    "upload_stays": Text(
        "Your own picture and checkpoint do not travel in a link: whoever opens it sees the defaults.",
        "你自己的图片和权重无法随链接传递：打开链接的人看到的是默认内容。",
    ),
}  # fmt: skip
# and what they are handed ready-made.
SAID = {
    "picture": Text("The stage's picture", "这一步的图"),
    "overview": Text("The whole block, from photograph to output", "从照片到输出的整个模块"),
    "shapes": Text("What happens to the shape", "形状如何变化"),
    "inches": Text("{w} × {h} inches ({wmm} × {hmm} mm)", "{wmm} × {hmm} 毫米（{w} × {h} 英寸）"),
    "more": Text(
        "The lesson: every stage's figure and shape diagram of this block, with an index page, captions and shapes.",
        "课程：这个模块每一步的图和形状图，附索引网页、说明和形状。",
    ),
    "npz": Text(
        "Numbers: float32 tensors with the names of their axes, for NumPy; their own names count blocks from 0, as the code does.",
        "数值：float32 张量及其各轴名称，可用 NumPy 打开；张量名里的模块从 0 数起，与代码一致。",
    ),
    "failed": Text("This could not be made. Please try another choice.", "没有做成，请换一种选择试试。"),
    "busy": Text(
        "{waiting} such files are being written for others, each taking a quarter of a minute or so. Please try again in a minute.",
        "正在为其他人生成 {waiting} 个这样的文件，每个约需十几秒。请一分钟后再试。",
    ),
    "not_a_link": Text("This is no web address, or too long for a code.", "这不是网址，或者太长，无法生成二维码。"),
    "lesson": Text("Take the lesson (ZIP)", "带走整节课（ZIP）"),
    "animation": Text("Animation (GIF)", "动画（GIF）"),
    "numbers": Text("Numbers of this stage (.npz)", "这一步的数值（.npz）"),
    "trace": Text("Numbers of the whole run (.npz)", "整次运行的数值（.npz）"),
}  # fmt: skip


@st.fragment
def bar(view: "View", offers: Sequence[Offer], walks: bool) -> None:
    """Draw the bar; ``walks``: the page shows one stage of the lesson, whose numbers, ZIP and animation can be had."""
    view = replace(view, place=None)  # outside of the bar
    wish = st.session_state.get("saving_wish")
    if wish and wish.get("page", here := parts(st.context.url).path or "/") != here:
        wish = None  # its page was left: nobody waits for it
        del st.session_state.saving_wish
    body = Body()
    bundles = ["lesson", "animation", "numbers", "trace"] if walks else ["trace"]
    header: dict[str, Any] = {
        "lang": view.lang,
        "ui": {name: text(view.lang) for name, text in UI.items()},
        "offers": [{"name": offer.name, "title": offer.title(view.lang)} for offer in offers],
        "options": {
            name: [[value, text(view.lang)] for value, text in options.items()] for name, options in OPTIONS.items()
        },
        "bundles": [{"name": name, "title": SAID[name](view.lang)} for name in bundles],
        "about": " ".join(SAID[name](view.lang) for name in (["more", "npz"] if walks else ["npz"])),
        "travels": OWN not in (view.link["sample"], view.link["model"]),
        "host": _host(),
        "command": START,
    }
    if wish:
        try:
            answer = _answer(view, offers, wish, body)
        except Exception:  # whatever it is, the bar and the page stay
            _log.exception("the bar could not answer a wish for %r", wish["kind"])
            answer = {"problem": SAID["failed"](view.lang)}
        header["answer"] = {"id": wish["id"], "kind": wish["kind"]} | answer
    _component(key="saving", data=body.message(header), on_wish_change=_take_wish, width="content", height="content")
    # Only now: a rerun may have broken this one off before the answer was sent.
    if wish is not None and st.session_state.get("saving_wish") is wish:
        del st.session_state.saving_wish


def _take_wish() -> None:
    """Note what the browser asks for; what makes no sense is left out."""
    wish = getattr(st.session_state.saving, "wish", None)
    kinds = ("figure", "preview", "code", "lesson", "animation", "numbers", "trace")
    if not isinstance(wish, dict) or not isinstance(wish.get("id"), str):
        return
    if wish.get("kind") in kinds and len(wish["id"]) < 100 and wish["id"].isascii():
        st.session_state.saving_wish = wish


def _answer(view: "View", offers: Sequence[Offer], wish: Mapping[str, Any], body: Body) -> dict[str, Any]:
    """The file, code or preview that was asked for, as the header's part of it."""
    kind = wish["kind"]
    if kind == "code":
        return qr_code(wish.get("link"), view.lang)
    # Only now, since matplotlib comes with them, which would hold up the app's start.
    from topformer_viz.figures.animation import gif
    from topformer_viz.figures.look import MIME, Look
    from topformer_viz.figures.sheet import save
    from topformer_viz.takeaway import lesson_zip

    asked = wish.get("view")
    parameters = {str(name): str(value) for name, value in asked.items()} if isinstance(asked, dict) else {}
    look = Look(_known(wish, "width", "page"), _known(wish, "theme", "white"), wish.get("bare") is True)
    stem = view.sample or "picture"
    if kind in ("figure", "preview") and offers:
        offer = next((offer for offer in offers if offer.name == wish.get("figure")), offers[0])
        panel = offer.make(parameters)
        format, scale = FORMATS["png1" if kind == "preview" else _known(wish, "format", "png2")]
        data = save(panel, format, look, scale)
        answer = {"name": f"{stem}-{panel.name}.{format}", **body.add_picture(data, MIME[format])}
        return answer | {"size": _size(data, view.lang)} if kind == "preview" else answer
    about = {"model": view.about, "picture": view.name, "pixels": list(view.photo.size)}
    if kind == "trace":
        return {"name": f"{stem}.npz", **body.add_picture(npz(view.run, None, about), "application/zip")}
    place = place_of(view, parameters)
    if kind == "numbers":
        name = walk(view.run, place.block)[place.stage]
        names = [f"pyramid{n}" for n in range(4)] if place.stage == "pyramid" else [name]
        inside = f"block{place.block + 1}-" if "." in name else ""
        file = f"{stem}-{inside}{place.stage}.npz"
        return {"name": file, **body.add_picture(npz(view.run, names, about), "application/zip")}
    if FILES.is_full():
        return {"problem": SAID["busy"](view.lang, waiting=FILES.waiting)}
    if kind == "lesson":
        data = FILES.run(
            partial(
                lesson_zip, view.subject, place.block, place.head, look, command(view, place, look), credit=view.credit,
                trained=view.facts is not None,
            )
        )  # fmt: skip
        return {"name": f"{stem}-block{place.block + 1}.zip", **body.add_picture(data, "application/zip")}
    data = FILES.run(partial(gif, view.subject, place.block, place.head, look))
    return {"name": f"{stem}-block{place.block + 1}.gif", **body.add_picture(data, "image/gif")}


def _known(wish: Mapping[str, Any], name: str, default: str) -> str:
    """One of the bar's own options."""
    value = wish.get(name)
    return value if isinstance(value, str) and value in OPTIONS[name] else default


@dataclass(frozen=True)
class Place:
    """Where in the lesson the view is: block and head from 0, None for all heads; a stage of ``walk``."""

    block: int
    head: int | None
    stage: str


def place_of(view: "View", parameters: Mapping[str, str]) -> Place:
    """What the address says, or the first block, all heads, the first stage."""

    def counted(name: str, most: int) -> int | None:
        value = parameters.get(name, "")
        return int(value) - 1 if value in map(str, range(1, most + 1)) else None

    block = counted("block", view.model.num_blocks) or 0
    stages = walk(view.run, block)
    stage = parameters.get("stage", "")
    return Place(block, counted("head", view.run.sizes["heads"]), stage if stage in stages else next(iter(stages)))


def lesson_figures(view: "View") -> list[Offer]:
    """The lesson's: a stage's picture, what it does to the shapes, and the whole walk."""

    def picture(parameters: Mapping[str, str]) -> Panel:
        place = place_of(view, parameters)
        return stage_panel(view.subject, place.block, place.stage, place.head)

    def shapes(parameters: Mapping[str, str]) -> Panel:
        place = place_of(view, parameters)
        return shape_panel(view.subject, place.block, place.stage)

    def overview(parameters: Mapping[str, str]) -> Panel:
        place = place_of(view, parameters)
        return overview_panel(view.subject, place.block, place.head)

    return [
        Offer("picture", SAID["picture"], picture),
        Offer("shapes", SAID["shapes"], shapes),
        Offer("overview", SAID["overview"], overview),
    ]


def command(view: "View", place: Place, look: "Look") -> str:
    """The terminal's command for this lesson; an uploaded picture and checkpoint stand as placeholders."""
    from topformer_viz.figures.order import Order

    model = view.link["model"]
    file = SAMPLES[view.sample].file if view.sample else None
    heads = None if place.head is None else (place.head,)
    order = Order(
        "CHECKPOINT" if model == OWN else model, min(view.photo.size), min(view.run.sizes["H"], view.run.sizes["W"]) if view.link["grid"] else MIN_GRID, (place.block,), heads,
        formats=("zip",), lang=view.lang, look=look,
    )  # fmt: skip
    return order.command(f"topformer_viz/assets/samples/{file}" if file else "PICTURE", "lesson")


def _size(png: bytes, lang: Lang) -> str:
    """How large a figure is on paper, from a PNG of 96 dots an inch."""
    with Image.open(io.BytesIO(png)) as picture:
        w, h = (side / 96 for side in picture.size)
    return SAID["inches"](lang, w=f"{w:.1f}", h=f"{h:.1f}", wmm=f"{w * 25.4:.0f}", hmm=f"{h * 25.4:.0f}")


def qr_code(link: object, lang: Lang) -> dict[str, Any]:
    """A web address as QR code, SVG, drawn here; or the reason why not."""
    at = parts(link)
    if at.scheme not in ("http", "https") or not at.netloc:
        return {"problem": SAID["not_a_link"](lang)}
    try:
        code = segno.make(cast(str, link), error="m", micro=False)
    except (segno.DataOverflowError, UnicodeError):  # a code holds bytes, and only those of text
        return {"problem": SAID["not_a_link"](lang)}
    return {"svg": code.svg_inline(scale=4, border=4, light="#fff", omitsize=True)}


def parts(link: object) -> SplitResult:
    """An address taken apart; empty where it is none, or too long for a code."""
    try:
        return urlsplit(link if isinstance(link, str) and len(link) <= MAX_LINK else "")
    except ValueError:  # half an IPv6 address
        return urlsplit("")


def _host() -> str:
    """The name under which others reach this server; "" where the visitor's own link will do or the server hears no one else."""
    local = is_loopback(parts(st.context.url).hostname) and not is_loopback(st.get_option("server.address"))
    return own_address() if local else ""


def is_loopback(host: str | None) -> bool:
    """Whether a machine means itself by this name or address."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:  # a name
        return bool(host) and (host == "localhost" or str(host).endswith(".localhost"))


def own_address() -> str:
    """This machine's address in its network; "" where it has none. Nothing is sent for this."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # an address of no one (RFC 5737): the system only picks the way
            return probe.getsockname()[0]
    except OSError:
        return ""
