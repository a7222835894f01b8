"""Where a stage of the lesson leads: pages of the app on which what it teaches can be tried out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from topformer_viz.words.text import Lang, Text


@dataclass(frozen=True)
class Link:
    """What can be tried out, on which page, and what its address says.

    {head} in words and address is the head on show, from 1; where all are, the first.
    """

    words: Text
    page: str
    said: Mapping[str, str] = field(default_factory=dict)

    def address(self, stage: str, head: int) -> dict[str, str]:
        """What the address says on the way there from ``stage``; ``head`` from 1, 0 for all."""
        said = {name: value.format(head=head or 1) for name, value in self.said.items()}
        way_back = {"from": stage} if self.page == "lab" else {}
        return {**({"head": str(head)} if head else {}), **said, **way_back}


def _what_if(words: Text, **said: str) -> Link:
    return Link(words, "lab", {"part": "what-if", **said})


_SUM = Link(Text("Do it by hand, with small whole numbers", "用小整数亲手算一遍"), "lab", {"part": "by-hand"})
# By stage; every address is one that the page knows (tests/app/test_lesson_links.py).
LINKS: dict[str, tuple[Link, ...]] = {
    "image": (
        Link(Text("What attention costs as an image grows", "图片变大时注意力的计算开销"), "lab", {"part": "cost"}),
    ),
    "pyramid": (
        Link(Text("The pyramid within the whole network", "金字塔在整个网络中的位置"), "network", {"part": "pyramid0"}),
    ),
    "tokens": (_what_if(Text("Take half of the tokens out", "拿掉一半 token"), tokens="half"),),
    "query": (_what_if(Text("Forget this permute", "漏掉这个 permute"), unpermuted="query"),),
    "value": (
        _what_if(Text("Forget this permute", "漏掉这个 permute"), unpermuted="value"),
        _what_if(Text("Make values as narrow as keys", "让值和键一样窄"), ratio="1"),
    ),
    "scores": (
        _what_if(Text("Divide the scores by √key_dim", "把得分除以 √key_dim"), scaled="true"),
        _what_if(Text("Heat the scores: temperature 4", "给得分升温：温度 4"), temperature="4"),
        _SUM,
    ),
    "weights": (
        Link(
            Text("Remove head {head}", "去掉头 {head}"),
            "explorer",
            {"head": "{head}", "removal": "without-{head}"},
        ),
        _what_if(Text("Softmax along the wrong axis", "沿错误的轴做 softmax"), over="queries"),
        Link(Text("Is it a covariance matrix?", "它是协方差矩阵吗？"), "lab", {"part": "covariance"}),
    ),
    "mixed": (_SUM,),
    "merged": (_what_if(Text("Forget this permute", "漏掉这个 permute"), unpermuted="merged"),),
    "activated": (_what_if(Text("Move ReLU6 behind the projection", "把 ReLU6 移到投影之后"), activation="after"),),
    "projected": (Link(Text("See the branch that is 0 at the start", "看看开始时输出为 0 的分支"), "starts"),),
    "residual": (Link(Text("Other kinds of attention", "其他注意力"), "lab", {"part": "relatives"}),),
    "mlp": (_what_if(Text("Shuffle the tokens", "打乱 token"), tokens="shuffled"),),
    "output": (
        Link(Text("What follows in the whole network", "在整个网络中接下来是什么"), "network", {"part": "split"}),
    ),
}  # fmt: skip


def linked(stage: str, lang: Lang) -> list[dict[str, Any]]:
    """A stage's links for the browser."""
    return [{"words": link.words(lang), "page": link.page, "said": dict(link.said)} for link in LINKS.get(stage, ())]
