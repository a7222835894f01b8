"""One word for one thing, in both languages: texts, documents, comments and names keep to the terms.

To list all that breaks them, file by file, or only what lies under the paths given:

python tests/words/test_terms.py [PATH ...]
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ("topformer_viz", "pages", "app.py", "serve.py")
DOCUMENTS = (
    "docs/teaching",
    "docs/deployment.md",
    "docs/site.md",
    "docs/figures/README.md",
    "README.md",
    "CONTRIBUTING.md",
    "topformer_viz/assets/weights/README.md",
)

# Kinds of words: of a Text, of a document, comments and docstrings, other strings of the code, names in the code.
READ = ("en", "zh", "document en", "document zh")
ENGLISH, CHINESE = ("en", "document en"), ("zh", "document zh")
CODE = ("comment", "string")

# Where a pixel is a dot: of image files, of what is drawn, of the screen.
DOTS = (
    "topformer_viz/network/images.py", "topformer_viz/network/input.py", "topformer_viz/network/samples.py",
    "topformer_viz/terminal/", "topformer_viz/figures/", "topformer_viz/server/", "topformer_viz/app/canvas/",
)  # fmt: skip
OWN_WORDS = "topformer_viz/run/stages.py"  # its glossary says what others call a token


@dataclass(frozen=True)
class Passage:
    """Some words of one kind, and the file and line where they begin."""

    file: str
    line: int
    kind: str
    text: str


@dataclass(frozen=True)
class Rule:
    """What is not said: ``pattern``, but for ``allowed`` (patterns) and ``elsewhere`` (beginnings of files' paths).

    ``use`` instead; ``wrong`` is an example that it finds and ``right`` one that it does not.
    """

    pattern: str
    use: str
    kinds: tuple[str, ...]
    wrong: str
    right: str
    allowed: str = ""
    elsewhere: tuple[str, ...] = ()

    def breaks(self, text: str) -> list[re.Match[str]]:
        """Where ``text`` says it."""
        if self.allowed:
            text = re.sub(self.allowed, lambda found: "\0" * len(found[0]), text)
        return list(re.finditer(self.pattern, text))


RULES = (
    Rule(r"(?i)\bpixels?\b", "token; image pixel", ENGLISH, "the pixel that asks", "64 × 64 image pixels",
         r"(?i)image pixels?|pixel accuracy|pixels? of the feature map", (*DOTS[:3], "topformer_viz/terminal/training/")),
    Rule(r"(?i)\bpixels?\b", "token; image pixel", CODE, "each pixel of the grid", "height x width pixels",
         r"(?i)image pixels?|pixel accuracy|pixels? of the feature map|\bwidth`{0,2} pixels|W pixels|CSS pixels|in pixels|\d+ pixels|\d+ x \d+ pixels|[XY] pixels",
         DOTS),
    Rule(r"(?i)pixel", "token", ("name",), "query_pixel", "MAX_PIXELS", r"(?i)(max|own|image)_pixels?|^pixels$", DOTS),
    Rule("像素", "token；图像像素", CHINESE, "每个像素读什么", "64 × 64 个图像像素", "图像像素|万像素|特征图的像素",
         ("topformer_viz/network/images.py",)),
    Rule(r"(?i)\bsquares?\b", "token", (*ENGLISH, *CODE), "the square that asks", "its square root, a square image",
         r"(?i)square roots?|square[- ]root|square images?|square brackets?|(mean|least|sum of|sums? of) squares?"
         r"|squares? of|square all|open squares|squares for|(its|their|the|whose|in) squares?(?= (grows|is|of|in))|and not its square|with (its|their) square",
         (OWN_WORDS,)),
    Rule("方格", "token", CHINESE, "每个方格提问", "每个 token 提问", "", (OWN_WORDS,)),
    Rule("模块", "块；注意力模块", CHINESE, "第 3 个模块", "注意力模块，Python 模块", "注意力模块|Python 模块"),
    Rule("特征金字塔|特征网格", "token 金字塔、token 网格", CHINESE, "特征金字塔", "token 金字塔"),
    Rule("检查点", "权重文件", CHINESE, "打开检查点", "打开权重文件"),
    Rule("您", "你", CHINESE, "您的图片", "你的图片"),
    Rule(r"第 ?(\{\w+\}|\d+|n) ?个(头|块|模块)", "头 {n}、块 {n}", CHINESE, "第 {n} 个头", "头 {n}"),
    Rule("图像(?!像素)|照片", "图片", CHINESE, "这张图像", "这张图片，图像像素", "拍一?张?照片"),
    Rule(r"(?i)\bpictures?\b|\bphotos?\b|\bphotographs?\b", "image; map, figure", ("en",), "your picture", "your image",
         r"I have a picture|(?i:take) (a|the) picture"),
    Rule(r"(?i)\bchances?\b", "uniform; random", (*ENGLISH, *CODE), "twice as much as chance", "twice uniform"),
    Rule("随机水平|偶然", "均匀水平；随机", CHINESE, "高于随机水平", "高于均匀水平"),
    Rule(r"(?i)not a finding|不说明规律", "NOT_EVIDENCE in words/names.py", (*READ, *CODE), "random: not a finding", "no evidence"),
    Rule(r"(?i)\bas built\b|\bre-initialised\b|\bjust built\b", "AS_BUILT, REINITIALISED in words/names.py", (*ENGLISH, *CODE),
         "tiny, as built", "untrained (default init)"),
    Rule("刚建好|训练过的|重新初始化", "未训练（默认初始化）……", CHINESE, "刚建好的网络", "已训练的网络"),
    Rule(r"(?i)\brandom weights\b|\bweights (are|were) (random|drawn)|\b(learned|trained) weights\b", "parameters", (*ENGLISH, *CODE),
         "random weights", "random attention weights, random parameters"),
    Rule("权重随机|随机权重|权重是?怎样抽取", "参数", CHINESE, "权重随机", "参数随机"),
    Rule("存下的统计|本图统计(?!量)", "存储的、本图的统计量", CHINESE, "存下的统计量", "存储的统计量"),
    Rule("代价", "计算开销", CHINESE, "注意力的代价", "注意力的计算开销"),
    Rule("深度卷积", "逐通道卷积", CHINESE, "3×3 深度卷积", "3×3 逐通道卷积"),
    Rule("前向计算", "前向传播", CHINESE, "一次前向计算", "一次前向传播"),
    Rule("标尺", "色标", CHINESE, "共用标尺", "共用色标"),
    Rule("把握", "置信度", CHINESE, "有 80% 的把握", "置信度为 80%"),
    Rule("独热|尖锐|平缓", "接近 one-hot；集中、分散", CHINESE, "各行尖锐", "各行集中"),
    Rule("一视同仁", "权重都相同", CHINESE, "对所有 token 一视同仁", "对所有 token 的权重都相同"),
    Rule(r"(?i)\b(all|tokens) alike\b", "the same weight", (*ENGLISH, *CODE), "reads all alike", "gives all the same weight"),
    Rule("阶段", "步骤", CHINESE, "这个阶段", "这一步"),
    Rule("课程", "逐步讲解", CHINESE, "打开课程", "打开逐步讲解"),
    Rule("练习题|第几组数", "练习纸、题号", CHINESE, "练习题（PDF）", "练习纸（PDF），题号 7"),
    Rule("次随机抽取|^随机抽取$", "随机种子", CHINESE, "换一次随机抽取", "换一个随机种子，数是随机抽取的"),
    Rule(r"(?i)\brandom draw\b", "random seed", ENGLISH, "Random draw 2", "random seed 2"),
    Rule("相近的注意力", "其他注意力", CHINESE, "相近的注意力", "其他注意力"),
    Rule(r"(?<![`\w])(query|key|value) ?和|和 ?(query|key|value)(?![`\w])", "查询、键、值", CHINESE, "query 和 key", "查询和键", "@ (key|value)"),
    Rule("用数字说话", "各项数值", CHINESE, "用数字说话", "各项数值"),
    Rule(r"(?i)\bset beside\b|\bdearer\b|\bdealt out\b|\bputs? out\b|\bowes?\b|\bmade by hand\b|\bhangs? on\b",
         "compared with, more expensive, split, outputs, depends on, hand-designed", ENGLISH, "set beside it", "compared with it"),
    Rule(r"\bMind:|\bCareful\.", "Note", ENGLISH, "Mind: it is not", "Note: it is not"),
    Rule(r"(?i)\b(numbers?|entries|features|multiply-adds|channels|bytes|bits|one|row|sentence|index) an? "
         r"(token|row|channel|class|head|block|image|pixel|element|step|entry)\b", "per", (*ENGLISH, *CODE), "16 features a token", "16 features per token"),
    Rule(r"[\u4e00-\u9fff][,;:?!(]|[,;?!][\u4e00-\u9fff]", "full-width punctuation", CHINESE, "两个头,一个块", "两个头，一个块"),
    Rule(r"[\u4e00-\u9fff]{2} [\u4e00-\u9fff]| [，。；：、？！）]", "no space", CHINESE, "这个区域 读什么", "这个区域读什么"),
    Rule(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", "one space between Han and Latin", CHINESE, "每个token", "每个 token",
         "TopFormer中Attention的理解"),
    Rule(r"(?<![\w.:=/-])(1024|1013|2048|4000|4096|16384)(?![\w-])", "1,024", READ, "1024 tokens", "1,024 tokens", "4000 万"),
    Rule(r"\b[13] × [13] ?(conv|depthwise|卷积|深度|逐通道)", "3×3", READ, "a 3 × 3 convolution", "a 3×3 convolution"),
)  # fmt: skip


# Words


def texts(tree: ast.AST, file: str) -> Iterator[Passage]:
    """The two languages of every ``Text`` that is spelled out; what an f-string fills in stands as {}."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Text":
            said = dict(zip(("en", "zh"), call.args, strict=False)) | {word.arg: word.value for word in call.keywords}
            for kind, value in said.items():
                if kind in ("en", "zh") and (text := spelled(value)):
                    yield Passage(file, value.lineno, str(kind), text)


def spelled(node: ast.AST) -> str:
    """The words of a string or an f-string; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(part) or "{}" for part in node.values)
    return ""


def remarks(source: str, tree: ast.AST, file: str) -> Iterator[Passage]:
    """Comments, docstrings, other strings of several words, and names of a module; quoted code in them is left out."""
    within: set[ast.AST] = set()  # strings that are parts of a Text, a docstring or another string
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
            within.update(ast.walk(node))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (said := ast.get_docstring(node)):
            within.add(node.body[0].value)  # type: ignore[attr-defined]
            yield Passage(file, node.body[0].lineno, "comment", said)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node not in within:
            within.update(ast.walk(node))
            if re.search(r"[A-Za-z]{2,} [a-z]", text := spelled(node)) and not re.search(r"[\u4e00-\u9fff]", text):
                yield Passage(file, node.lineno, "string", text)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Passage(file, token.start[0], "comment", token.string)
        elif token.type == tokenize.NAME:
            yield Passage(file, token.start[0], "name", token.string)


def script(source: str, file: str) -> Iterator[Passage]:
    """The comments of a component's script."""
    for found in re.finditer(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", source, re.DOTALL):
        yield Passage(file, source.count("\n", 0, found.start()) + 1, "comment", found[0])


def document(source: str, file: str) -> Iterator[Passage]:
    """The lines of a document without its code and the addresses of its links; Chinese those of a .zh.md."""

    def emptied(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    source = re.sub(r"```.*?```|~~~.*?~~~", emptied, source, flags=re.DOTALL)
    source = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", source)
    for line, text in enumerate(source.splitlines(), 1):
        yield Passage(file, line, "document zh" if file.endswith(".zh.md") else "document en", text)


@cache
def passages() -> tuple[Passage, ...]:
    """All words of the package and the documents."""
    found: list[Passage] = []
    for path in sorted(
        file
        for name in (*PACKAGE, *DOCUMENTS)
        for file in ((ROOT / name).rglob("*.*") if (ROOT / name).is_dir() else [ROOT / name])
    ):
        file = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py":
            source = path.read_text("utf-8")
            tree = ast.parse(source)
            found += [*texts(tree, file), *remarks(source, tree, file)]
        elif path.suffix == ".js":
            found += script(path.read_text("utf-8"), file)
        elif path.suffix == ".md" and any(file.startswith(name) for name in DOCUMENTS):
            found += document(path.read_text("utf-8"), file)
    return tuple(found)


def shown(passage: Passage) -> str:
    """A passage without what is quoted in it: code in back quotes, and markup of the glossary."""
    text = re.sub(r"\[\[(?:[^\]|]*\|)?([^\]]+)\]\]", r"\1", passage.text)
    text = re.sub(r"\{\w+\}", "{}", text) if passage.kind == "en" else text
    return text if passage.kind == "name" else re.sub(r"``?[^`\n]+``?", lambda code: "\0" * len(code[0]), text)


def findings(rule: Rule) -> Iterator[tuple[str, int, str]]:
    """File, line and words of all that breaks the rule."""
    for passage in passages():
        if passage.kind in rule.kinds and not passage.file.startswith(rule.elsewhere or "\0"):
            for found in rule.breaks(text := shown(passage)):
                line = passage.line + (text.count("\n", 0, found.start()) if passage.kind == "comment" else 0)
                around = text[max(0, found.start() - 40) : found.end() + 40].replace("\0", "`")
                yield passage.file, line, f"{found[0]!r} in “{' '.join(around.split())}”: {rule.use}"


# Tests


@pytest.mark.parametrize("rule", RULES, ids=[rule.pattern[:24] for rule in RULES])
def test_a_rule_finds_what_is_wrong_and_nothing_else(rule: Rule) -> None:
    assert rule.breaks(rule.wrong)
    assert not rule.breaks(rule.right)


def test_words_of_every_kind_are_looked_at() -> None:
    kinds = [passage.kind for passage in passages()]
    assert {kind for rule in RULES for kind in rule.kinds} == set(kinds)
    assert min(kinds.count("en"), kinds.count("zh")) > 1000
    said = {passage.text for passage in passages()}
    assert {"Random parameters: this map is not evidence of anything learned.", "头 {n}", "{} (random)"} & said
    assert "# comment" in {passage.text for passage in remarks("x = 1  # comment\n", ast.parse("x = 1"), "")}


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.pattern[:24]} {rule.kinds[0]}" for rule in RULES])
def test_one_word_for_one_thing(rule: Rule) -> None:
    wrong = [f"{file}:{line}: {said}" for file, line, said in findings(rule)]
    assert not wrong, "\n".join(wrong)


def main(paths: list[str]) -> int:
    found = sorted(
        {finding for rule in RULES for finding in findings(rule) if not paths or finding[0].startswith(tuple(paths))}
    )
    for file, line, said in found:
        print(f"{file}:{line}: {said}")
    print(f"{len(found)} in {len({file for file, _, _ in found})} files")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
