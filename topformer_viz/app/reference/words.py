"""The words of the reference page."""

from topformer_viz.words.names import MEAN
from topformer_viz.words.text import Text

UI = {
    "tensors": Text("Every tensor of this run", "这次运行的每一个张量"),
    "tensors_note": Text(
        "In the order of computation; in Python each is `trace(model, image)[name]`. The API counts blocks from 0, "
        "the pages count them from 1.",
        "按计算顺序排列；在 Python 中用 `trace(model, image)[name]` 取得。API 从 0 开始数块，各页面从 1 开始。",
    ),
    "swipe": Text("The table is wider than the screen: scroll it sideways ↔", "表格比屏幕宽，可以左右滑动 ↔"),
    "name": Text("name", "名称"),
    "meaning": Text("what it is", "含义"),
    "axes": Text("axes and sizes", "轴与大小"),
    "bytes": Text("kB", "kB"),
    "low": Text("min", "最小"),
    "high": Text("max", "最大"),
    "mean": MEAN,
    "axis": Text("Axes", "轴"),
    "glossary": Text("Glossary", "术语"),
    "credits": Text("Credits", "致谢与出处"),
    "paper": Text(
        "The network: W. Zhang et al., “TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”, CVPR 2022 "
        "(arXiv 2204.05525). The implementation is this project's own, checked against what the authors' code computes.",
        "网络出自：W. Zhang 等，“TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”，CVPR 2022"
        "（arXiv 2204.05525）。这里的实现由本项目编写，并与作者代码的计算结果核对过。",
    ),
    "blog": Text(
        "The lesson grew out of a Chinese blog post, “TopFormer中Attention的理解”, whose line comments it echoes in its own "
        "words.",
        "逐步讲解源于一篇中文博客《TopFormer中Attention的理解》，并用自己的话回应其中的逐行注释。",
    ),
    "relatives": Text(
        "The other attentions in the lab: LeViT (B. Graham et al., ICCV 2021; checked against a run of the authors' code, Apache 2.0), ViT (A. Dosovitskiy et "
        "al., ICLR 2021), rotary position embedding (J. Su et al., 2021; axial as in B. Heo et al., ECCV 2024). Their code here is this "
        "project's own. Charts: plotly (MIT). Printed worksheets: matplotlib (its own licence, BSD-compatible). Chart colours: M. Okabe and K. Ito.",
        "实验室里的其他注意力：LeViT（B. Graham 等，ICCV 2021；与作者代码（Apache 2.0）的一次运行核对过）、ViT（A. Dosovitskiy 等，ICLR 2021）、"
        "旋转位置编码（J. Su 等，2021；按轴旋转的做法见 B. Heo 等，ECCV 2024）。这里的代码由本项目编写。图表：plotly（MIT）。"
        "打印的练习纸：matplotlib（自有许可，与 BSD 兼容）。图表配色：M. Okabe 与 K. Ito。",
    ),
    "colours": Text(
        "Colour: Oklab (B. Ottosson); maps viridis (S. van der Walt, N. Smith, CC0) and RdBu (ColorBrewer, Apache 2.0). "
        "Chinese glyphs: Noto Sans SC (SIL Open Font License 1.1).",
        "颜色：Oklab（B. Ottosson）；色图 viridis（S. van der Walt、N. Smith，CC0）与 RdBu（ColorBrewer，Apache 2.0）。"
        "中文字体：Noto Sans SC（SIL Open Font License 1.1）。",
    ),
    "weights": Text(
        "The bundled checkpoint (everyday) was trained on images of CamVid (G. Brostow et al., 2008, 2009), LabelMeFacade (B. Fröhlich, E. Rodner, "
        "J. Denzler, 2010; C.-A. Brust et al., 2015), MSRC v2 (J. Shotton et al., 2006), PASCAL VOC 2012 (M. Everingham et al., 2010) with the labels of "
        "SBD (B. Hariharan et al., 2011), COCO (T.-Y. Lin et al., 2014) and Clothing Co-Parsing (W. Yang et al., 2014), several of them for research only: "
        "so the checkpoint is for research and teaching. It learned, too, what EfficientNet-Lite0 (M. Tan, Q. V. Le, 2019; Apache 2.0) computes of them. Class "
        "names and colours of the published sets: mmsegmentation (Apache 2.0).",
        "自带的权重文件（日常）训练自 CamVid（G. Brostow 等，2008、2009）、LabelMeFacade（B. Fröhlich、E. Rodner、J. Denzler，2010；"
        "C.-A. Brust 等，2015）、MSRC v2（J. Shotton 等，2006）、PASCAL VOC 2012（M. Everingham 等，2010；标注来自 SBD，B. Hariharan 等，2011）、"
        "COCO（T.-Y. Lin 等，2014）和 Clothing Co-Parsing（W. Yang 等，2014）的图片，其中数种仅供研究，因此这个权重文件也只供研究与教学使用。"
        "它还学习了 EfficientNet-Lite0（M. Tan、Q. V. Le，2019；Apache 2.0）对这些图片的计算结果。已公布数据集的类别名称和颜色："
        "mmsegmentation（Apache 2.0）。",
    ),
    "pictures": Text("Sample images", "示例图片"),
    "picture": Text("- {name}: {credit}", "- {name}：{credit}"),
}  # fmt: skip
