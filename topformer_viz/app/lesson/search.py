"""What the lesson's search knows beside the stages themselves: their titles in both languages, the glossary, the lab."""

from html import escape
from typing import Any

from topformer_viz.app.canvas.markup import term_anchor
from topformer_viz.run.stages import GLOSSARY, STAGES
from topformer_viz.words.text import LANGS, Lang, Text

# The lab's parts by the name that an address gives them, each with what one can try there.
LAB = {
    "what-if": Text(
        "What if? Divide by √key_dim, temperature, shuffle the tokens, forget the permute, softmax along the wrong axis",
        "如果……：除以 √key_dim、温度、打乱 token、忘了 permute、softmax 用错了轴",
    ),
    "basics": Text("The sums on a test card, by colour and brightness", "测试卡上的计算，按颜色和明度"),
    "by-hand": Text("By hand: every entry on a sheet of paper, worksheet", "手算：每个元素都写在一张纸上，练习纸"),
    "covariance": Text(
        "A covariance matrix? Correlation, eigenvalues, Markov chain", "是协方差矩阵吗？相关系数、特征值、马尔可夫链"
    ),
    "cost": Text("Cost: multiply-adds and memory, quadratic or not", "计算开销：乘加次数和内存，是不是平方级"),
    "relatives": Text("Other attentions: ViT, LeViT", "其他注意力：ViT、LeViT"),
}


def search_data(lang: Lang) -> dict[str, Any]:
    """By kind, in ``lang``, each with its words in both languages under "also"."""

    def also(text: Text) -> str:
        return " ".join(text(each) for each in LANGS)

    return {
        "titles": {stage.name.replace("{n}", ""): also(stage.title) for stage in STAGES.values()},
        "glossary": [
            {
                "title": word(lang),
                "said": escape(said(lang)),
                "also": f"{also(word)} {also(said)}",
                "anchor": term_anchor(term),
            }
            for term, (word, said) in GLOSSARY.items()
        ],
        "lab": [{"part": part, "title": said(lang), "also": also(said)} for part, said in LAB.items()],
    }
