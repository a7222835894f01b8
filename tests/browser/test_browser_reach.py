"""What everybody can reach: every page in both languages, in light and dark, by keyboard, without motion; axe-core looks too.

Each page is opened once and looked at in every way; the tests then ask what was seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page, Request
from serving import wait_for

from topformer_viz.app.frame.words import PAGES
from topformer_viz.app.frame.words import UI as SESSION
from topformer_viz.app.lab.page import PARTS
from topformer_viz.app.reference.words import UI as REFERENCE
from topformer_viz.network import model
from topformer_viz.network.model import SIZES
from topformer_viz.network.samples import SAMPLES
from topformer_viz.run.stages import AXES, STAGES
from topformer_viz.study import relatives
from topformer_viz.words.text import LANGS, Lang

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
EVERY_CHANGE = (
    "scaled=true&temperature=2&over=queries&unpermuted=query.merged&activation=after&heads=2&ratio=1&tokens=shuffled&"
)
PLACES = {
    "door": "?head=3&",
    "lesson": "lesson?stage=weights&",
    "explorer": "explorer?query=5&lock=1&with=head-2&removal=without-1&",
}
PLACES |= {f"lab, {part}": f"lab?part={part}&{EVERY_CHANGE if part == 'what-if' else ''}" for part in PARTS}
PLACES |= {page: f"{page}?" for page in PAGES if page not in ("lesson", "explorer", "lab")}

# Every text on the page, shadow roots and what CSS writes included, hidden or not, and every name given to an element.
# Left out: code, formulas, and what CSS puts the visitor's language in place of.
TEXTS = r"""() => {
  const found = [], names = ["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "title", "placeholder", "alt"];
  const own = (e) => /^(button|a|label|option|h\d|summary)$/.test(e.localName) ? e.localName : "";
  const walk = (node, control) => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3 && child.data.trim()) {
        const parent = child.parentElement;
        if (!parent || getComputedStyle(parent).fontSize !== "0px") found.push([child.data.trim(), control]);
      }
      if (child.nodeType !== 1 || child.matches(LEFT_OUT)) continue;
      const here = own(child) || control;
      for (const name of names) if (child.getAttribute(name) && !child.matches(UNNAMED)) found.push([child.getAttribute(name), `${child.localName} ${name}`]);
      for (const side of child.matches(UNNAMED) ? [] : ["::before", "::after"]) {
        const said = getComputedStyle(child, side).content.match(/^"(.*)"$/)?.[1];
        if (said) found.push([said, `${child.localName}${side}`]);
      }
      if (child.shadowRoot) walk(child.shadowRoot, here);
      walk(child, here);
    }
  };
  walk(document.body, "");
  return found;
}"""
LEFT_OUT = (
    "script, style, noscript, code, pre, .formula, "
    # the lesson's guest while it is not on show: it still has what it said last
    ".guest[hidden], "
    # Streamlit's own, in English: the names of its icons (never read out), "Skip to main content"
    "[data-testid=stIconMaterial], [data-testid=stSkipToContent]"
)
# Names that Streamlit and plotly give their own buttons, for screen readers; an app cannot set them.
UNNAMED = ", ".join(
    (
        "[data-testid=stMainMenuButton]",  # "Main menu"
        "[data-testid=stHeaderActionElements] a",  # "Link to heading"
        "[data-testid=stTooltipIcon] button",  # "Help for ..."
        "[data-testid=stFileUploaderDropzoneInput]",  # "file upload", not reached by keyboard
        "[data-testid=stSelectbox] :is(input, button)",  # "Choose an option" (never seen: one is chosen), "Open"
        "[data-testid=stNumberInputContainer] button",  # "Decrement", "Increment"
        "[data-testid=stElementToolbarButton] button",  # "Copy to clipboard"
        ".modebar-btn[data-title=Fullscreen]",
    )
)

# What is reached by Tab: of radio buttons the chosen one, and nothing that is disabled or out of sight.
STOPS = r"""() => {
  const found = [];
  const walk = (root) => {
    for (const e of root.querySelectorAll("*")) {
      if (e.shadowRoot) walk(e.shadowRoot);
      if (e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true })
          && !e.matches("input[type=radio]:not(:checked), [tabindex='-1'] *, iframe, [inert] *")) found.push(e);
    }
  };
  walk(document);
  return found;
}"""
# How an element, what is in it and what is around it look: what a focus ring would change.
LOOKS = r"""(e) => {
  const around = [];
  for (let p = e.parentElement; p && around.length < 3; p = p.parentElement) around.push(p);
  return [...around, e, ...[...e.querySelectorAll("*")].slice(0, 12)].map((x) => {
    const s = getComputedStyle(x);
    return [s.outlineStyle === "none" ? "" : s.outline, s.boxShadow, s.borderColor, s.backgroundColor, s.stroke, s.strokeWidth, s.opacity, s.left, s.top].join();
  }).join("|");
}"""


DONE = "[data-testid=stApp][data-test-script-state=notRunning] .model-label"


@dataclass
class Seen:
    """What was met on a page: texts by language (and what they stand in), and what is wrong with it."""

    texts: dict[Lang, list[tuple[str, str]]] = field(default_factory=lambda: {lang: [] for lang in LANGS})
    violations: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    unlit: list[str] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)


def at_rest(page: Page, on_the_way: set[Request]) -> bool:
    """Whether the server is done and nothing is ``on_the_way`` from it, once the page stays as it is."""
    stays = page.evaluate(
        r"""async () => {
          const size = (root) => [...root.querySelectorAll("*")].reduce((sum, e) => sum + 1 + (e.shadowRoot ? size(e.shadowRoot) + e.shadowRoot.textContent.length : 0), 0);
          const busy = (root) => [...root.querySelectorAll("*")].some((e) => e.ariaBusy === "true" || (e.shadowRoot && busy(e.shadowRoot)));
          let last = -1, same = 0;
          for (let tries = 0; same < 5 && tries < 100; tries++) { // what waits for a rest waits 400 ms
            await new Promise((done) => setTimeout(done, 100));
            const now = size(document) + document.body.innerText.length;
            same = now === last && !busy(document) ? same + 1 : 0;
            last = now;
          }
          return same === 5;
        }"""
    )
    return stays and page.locator(DONE).is_visible() and not on_the_way


def settle(page: Page, on_the_way: set[Request]) -> None:
    page.locator(DONE).wait_for(timeout=30_000)
    wait_for(lambda: at_rest(page, on_the_way))


def read(page: Page) -> list[tuple[str, str]]:
    script = TEXTS.replace("LEFT_OUT", f"`{LEFT_OUT}`").replace("UNNAMED", f"`{UNNAMED}`")
    return [(text, place) for text, place in page.evaluate(script)]


def violations(page: Page, inside: str = "html", **options: Any) -> list[str]:
    """Axe's serious and critical findings in an element: rule, element, what it says. (The rule "region" never is, and takes long.)

    Of the numbers worked by hand one column a table is looked at: there are a thousand cells, all alike.
    """
    found = page.evaluate(
        """([inside, options]) => axe.run({ include: [inside], exclude: [{ fromShadowDom: ["[data-testid=stBidiComponentIsolated]", ".hand td + td"] }] },
                                { resultTypes: ["violations"], rules: { region: { enabled: false } }, ...options }).then((result) => result.violations)""",
        [inside, options],
    )
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']}: {' '.join(node['failureSummary'].split())}"
        for rule in found
        for node in rule["nodes"]
        if node["impact"] in ("serious", "critical")
    ]


def tab_through(page: Page, seen: Seen) -> None:
    """Press Tab from the top of the page to its end; note what has the focus unseen, and what it never reaches."""
    page.evaluate(
        f"""() => {{
          window.looks = {LOOKS};
          window.stops = ({STOPS})();
          window.before = new Map(stops.map((e) => [e, looks(e)]));
          window.reached = new Set();
          window.named = (e) => e.outerHTML.slice(0, 140);
          document.body.tabIndex = -1;
          document.body.focus();
          document.body.removeAttribute("tabindex");
        }}"""
    )
    for _ in range(page.evaluate("stops.length")):
        page.keyboard.press("Tab")
        unlit, done = page.evaluate(
            """async () => {
              let e = document.activeElement;
              while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
              if (!e || e === document.body || reached.has(e)) return ["", true];
              reached.add(e);
              for (let n = 0; n < 9 && before.get(e) === looks(e); n++) await new Promise(requestAnimationFrame);
              return [before.get(e) === looks(e) ? named(e) : "", false];
            }"""
        )
        if done:
            break
        if unlit:
            seen.unlit.append(unlit)
    # Of a group of buttons Tab reaches one, the arrow keys the others.
    seen.unreached = page.evaluate(
        """() => {
          const group = (e) => e.closest("[role=radiogroup], [role=toolbar]") ?? e, groups = new Set([...reached].map(group));
          return stops.filter((e) => !groups.has(group(e)) && e.isConnected).map(named);
        }"""
    )


MOVING = """() => {
  const roots = [document];
  for (const root of roots) for (const e of root.querySelectorAll("*")) if (e.shadowRoot) roots.push(e.shadowRoot);
  return roots.flatMap((root) => root.getAnimations())
    .filter((a) => a.playState === "running" && a.effect.getComputedTiming().activeDuration > 1)
    .map((a) => `${a.animationName ?? a.transitionProperty}: ${a.effect.target?.outerHTML.slice(0, 140)}`);
}"""


def look_at(context: "BrowserContext", address: str, name: str) -> Seen:
    """A page in English, in light and dark, and in Chinese; the parts that open on it opened."""
    page, seen = context.new_page(), Seen()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.add_init_script(f"window.module = undefined; {AXE}")
    on_the_way: set[Request] = set()
    page.on("request", lambda request: on_the_way.add(request))
    page.on("requestfinished", lambda request: on_the_way.discard(request))
    page.on("requestfailed", lambda request: on_the_way.discard(request))
    page.goto(f"{address}/{PLACES[name]}sample=coffee&size=256&lang=en")
    settle(page, on_the_way)
    for lang in LANGS:
        if lang == "zh":
            page.get_by_text("中文", exact=True).click()
            page.locator(".brand", has_text=SESSION["title"]("zh")).wait_for()
            settle(page, on_the_way)
        for new in opened(page, name):
            seen.moving += page.evaluate(MOVING)
            seen.texts[lang] += read(page)
            if lang == "en" and new:
                seen.violations += violations(page, new)
        if lang == "en":
            tab_through(page, seen)
            page.emulate_media(color_scheme="dark")
            page.wait_for_function("getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
            seen.moving += page.evaluate(MOVING)
            settle(page, on_the_way)
            seen.violations += [f"dark: {found}" for found in violations(page, runOnly=["color-contrast"])]
    page.close()
    return seen


def opened(page: Page, name: str) -> Iterator[str]:
    """The page as it is, then with one thing after the other opened on it; and where axe should look, if anywhere."""
    yield "html"
    if name == "lesson":
        for n in range(page.get_by_test_id("stPopoverButton").count()):
            page.get_by_test_id("stPopoverButton").nth(n).click()
            page.get_by_test_id("stPopoverBody").wait_for()
            yield "[data-testid=stPopoverBody]"
            page.keyboard.press("Escape")
    if name in ("lesson", "network"):
        back, on = page.locator(".turn .previous"), page.locator(".turn .next")
        while back.is_enabled():
            back.click()
        yield ""
        while on.is_enabled():
            on.click()
            yield ""


# Names that stay as they are in Chinese: of tensors and axes, classes and methods, models, people and their works.
NAMES = {*STAGES, *AXES, *SIZES, *vars(model)}
NAMES |= {stage for kind in (relatives.LEVIT, relatives.ROPE) for stage in kind}
CREDITS = [text.zh for text in (*(sample.credit for sample in SAMPLES.values()), *REFERENCE.values())]
NAMES |= {word for text in CREDITS for word in re.findall(r"[A-Za-z_]{3,}", text)}
NAMES |= {
    "English", "TopFormer", "LeViT", "ViT", "RoPE", "EVA", "DINOv", "Transformer", "ImageNet", "CamVid",
    "LabelMeFacade", "ADE", "README", "GFLOPs", "mIoU", "IoU", "PyTorch", "SyncBN", "CPU", "RGB", "MLP", "ReLU",
    "BatchNorm", "LayerNorm", "Hardswish", "hardswish", "softmax", "reshape", "permute", "exp", "rms", "float",
    "one", "hot", "weight", "eval", "dropout", "SyncBatchNorm", "fan_out", "sigmoid", "state", "dict", "GPU",
    "token", "attn_ratio", "proj", "to_q", "to_k", "to_v", "P_q", "P_k", "P_v", "P_o", "pyramid",
    "forward", "HTML", "PDF", "PNG", "SVG", "GIF", "ZIP", "npz", "NumPy", "Shift", "Enter", "Esc", "Tab", "Page", "Down",
    "Viridis", "Cividis", "Magma",
}  # fmt: skip
WORDS = re.compile(r"[A-Za-z_]{3,}")
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
# A Chinese character and then a comma, colon, semicolon, question or exclamation mark of the narrow kind.
NARROW = re.compile(r"[\u4e00-\u9fff”）][,:;?!](?!\w)")


def english(text: str) -> list[str]:
    return [word for word in WORDS.findall(text) if word not in NAMES]


@pytest.mark.parametrize("name", PLACES)
def test_everyone_reaches_everything(context: "BrowserContext", server: str, name: str) -> None:
    seen = look_at(context, server, name)
    allowed = {"中文", REFERENCE["blog"].en}
    problems = {
        "English in Chinese": {(place, text[:120]) for text, place in seen.texts["zh"] if english(text)},
        "narrow punctuation in Chinese": {text[:120] for text, _ in seen.texts["zh"] if NARROW.search(text)},
        "Chinese in English": {t[:120] for t, _ in seen.texts["en"] if CHINESE.search(t) and t not in allowed},
        "serious violations (axe)": set(seen.violations),
        "controls that Tab does not reach": set(seen.unreached),
        "focus that is not seen": set(seen.unlit),
        "moving for whoever asked for less motion": set(seen.moving),
    }
    assert not {what: sorted(found) for what, found in problems.items() if found}
