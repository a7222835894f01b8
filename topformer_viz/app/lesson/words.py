"""The words of the lesson: its page, its figures, and the ZIP that is taken along."""

from topformer_viz.app.canvas.lens import LENS_WORDS
from topformer_viz.app.canvas.wire import COPY_WORDS, SCENE_WORDS
from topformer_viz.words.names import BLOCK, CARRIED, COPY_LINK, HEAD, NOT_EVIDENCE, TOKEN, UPLOAD_STAYS
from topformer_viz.words.text import Text

UI: dict[str, Text] = {
    "carried": CARRIED,
    "block": BLOCK,
    "head": HEAD,
    "all": Text("All", "全部"),
    "all_heads": Text("All heads", "所有头"),
    "copy_link": COPY_LINK,
    **COPY_WORDS,
    **SCENE_WORDS,
    **LENS_WORDS,
    "upload_stays": UPLOAD_STAYS,
    "aim": Text(
        "Follow one image through attention, the computation by which every part of an image reads all the others: in {n} "
        "small stages, each of them a box in this drawing.",
        "注意力让图片的每个部分去读其他所有部分：跟着一张图片走完这 {n} 步，图中每个方框就是一步。",
    ),
    "scene": Text("The block from image to output", "从图片到输出的整个块"),
    "scene_note": Text(
        "Small maps: this run's tensors, each on its own colour scale (a square root for attention weights). Feature maps show "
        "the root mean square over their channels, matrices head {head}.",
        "小图都是这次运行的张量，各用各的色标（注意力权重用平方根）：特征图显示各通道的均方根，矩阵显示头 {head}。",
    ),
    "step": Text("Stage {at} of {of}", "第 {at} 步，共 {of} 步"),
    "previous": Text("← Previous", "← 上一步"),
    "next": Text("Next →", "下一步 →"),
    "after": Text("Next: {title} →", "下一步：{title} →"),
    "trap": Text("Note: ", "注意："),
    "tries": Text("Try it out:", "动手试试："),
    "diagram": Text("What happens to the shape", "形状如何变化"),
    "formula": Text("Formula", "公式"),
    "code": Text("The line that does it, in", "对应的代码，位于"),
    "code_all": Text("All {n} lines of {method}", "{method} 的全部 {n} 行"),
    "code_less": Text("Only the lines around it", "只看前后几行"),
    "bytes": Text("{kb} kB", "{kb} kB"),
    "range": Text("min {low}, max {high}, mean {mean}", "最小 {low}，最大 {high}，平均 {mean}"),
    "point": Text("Point at a cell to read its number.", "把指针移到格子上，读出其中的数。"),
    "point_touch": Text("Tap a cell to read its number.", "点一下格子，读出其中的数。"),
    "token": TOKEN,
    "feature": Text("feature", "特征"),
    "features": Text("features", "个特征"),
    "channels": Text("channels", "个通道"),
    "strength": Text("root mean square over the {d} features", "{d} 个特征的均方根"),
    "strength_each": Text(
        "root mean square over the {d} features; every map up to its own largest, linear",
        "{d} 个特征的均方根；每幅图到自己的最大值，线性",
    ),
    "own_largest": Text("its largest", "各自的最大值"),
    "predict": Text("Predict first", "先猜后看"),
    "predict_title": Text("A question before each stage", "每一步之前先提一个问题"),
    "score": Text("{right} of {of} right on this image", "这张图片：答对 {right} / {of}"),
    "reset": Text("Start over", "重新开始"),
    "question": Text("Question {at} of {of}", "第 {at} 题，共 {of} 题"),
    "right": Text("Right.", "答对了。"),
    "wrong": Text("Not quite.", "不对。"),
    "told": Text("The answer:", "答案："),
    "summed_up": Text("Predict first: your answers", "先猜后看：你的答案"),
    "none_answered": Text("No question about this image has been answered yet.", "这张图片的问题还没有答过。"),
    "all_right": Text("All right: there is nothing to go back to.", "全对：不需要回头再看。"),
    "missed": Text("Missed. A title leads back to its stage:", "答错的题（点标题回到那一步）："),
    "again": Text("Ask these again", "再答一次这些题"),
    "hands": Text("hands", "举手"),
    "hands_for": Text("Hands for answer {n}", "选第 {n} 项的举手人数"),
    "hands_right": Text("The class: {right} of {of} hands for the right answer.", "全班：{of} 人举手，{right} 人答对。"),
    "hands_share": Text("{right} of {of}", "{right} / {of}"),
    "polled": Text("The class, hands for the right answer in this block:", "全班在这个块里答对的举手人数："),
    "left": Text("Stages with questions not answered yet:", "还有问题没答的步骤："),
    "show_stage": Text("Show the stage", "看这一步"),
    "another": Text("Another question", "再来一题"),
    "search": Text("Search (/)", "搜索 (/)"),
    "search_for": Text("A stage, an axis, a word, a line of code", "步骤、轴、术语、代码"),
    "nothing_found": Text("Nothing found.", "没有找到。"),
    "glossary": Text("Glossary · opens the reference", "术语 · 打开参考"),
    "lab": Text("Lab", "实验室"),
    "present": Text("Present (P)", "演示 (P)"),
    "leave": Text("Leave (P)", "退出 (P)"),
    "covered_shape": Text("Shape", "形状"),
    "covered_words": Text("Words", "讲解"),
    "block_of": Text("Block {at} of {of}", "块 {at} / {of}"),
    "random": NOT_EVIDENCE,
    "unlike": Text("unlike what the network learned from: read with care", "不像网络学习过的图片，请谨慎看待"),
    "hints": Text("Page Down, Page Up · ← → · B: black", "Page Down、Page Up · ← → · B：黑屏"),
    "black": Text("The screen is black. Any key brings it back.", "屏幕已变黑，按任意键恢复。"),
}  # fmt: skip


PYRAMID_CAPTION = Text(
    "The first {channels} channels of each level; a level of more than {cells} cells per side is averaged down.",
    "每个层级的前 {channels} 个通道；每边超过 {cells} 格的层级先取平均再显示。",
)

FIGURES = {
    "picture": Text("The stage's map", "这一步的图"),
    "overview": Text("The whole block, from image to output", "从图片到输出的整个块"),
    "shapes": UI["diagram"],
    "more": Text(
        "The lesson: every stage's figure and shape diagram of this block, with an index page, captions and shapes.",
        "整份讲解：这个块每一步的图和形状图，附索引网页、图注和形状。",
    ),
    "lesson": Text("Take the lesson along (ZIP)", "带走整份讲解（ZIP）"),
    "animation": Text("Animation (GIF)", "动画（GIF）"),
    "numbers": Text("Numbers of this stage (.npz)", "这一步的数值（.npz）"),
}  # fmt: skip
TAKEAWAY = {
    "title": Text("TopFormer's attention: {name}", "TopFormer 的注意力：{name}"),
    "about": Text(
        "{where}. {width} × {height} image pixels, {rows} × {columns} tokens. Every number and map here was computed by the network on this image.",
        "{where}。{width} × {height} 图像像素，{rows} × {columns} 个 token。这里的每个数、每幅图都是网络在这张图片上算出来的。",
    ),
    "random": NOT_EVIDENCE,
    "stages": Text("The stages", "各个步骤"),
    "shape": Text("Shape: {value}", "形状：{value}"),
    "formula": Text("Formula: {value}", "公式：{value}"),
    "trap": Text("Note: {value}", "注意：{value}"),
    "picture_alt": Text("{title}: the map", "{title}：图"),
    "shape_alt": Text("{title}: what happens to the shape", "{title}：形状如何变化"),
    "files": Text("Files", "文件"),
    "figures": Text(
        "`figures` holds every figure twice: SVG, whose text stays text, and PNG. `shapes.json` lists all tensors of the run with their axes, sizes and ranges.",
        "`figures` 里每幅图各有两份：SVG（文字仍是文字）和 PNG。`shapes.json` 列出这次运行的全部张量，以及它们的轴、大小和取值范围。",
    ),
    "again": Text("The command that makes this again:", "重新生成这份文件的命令："),
    "axes": Text("Axes", "轴"),
    "sources": Text("Where it comes from", "来源"),
    "photo": Text("Image: {name}. {credit}", "图片：{name}。{credit}"),
    "rests": Text(
        "The network: W. Zhang et al., “TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”, CVPR 2022 (arXiv 2204.05525). The lesson: TopFormer's attention, stage by stage (Apache License 2.0); the lesson grew out of the blog post “TopFormer中Attention的理解”. Colour maps: viridis (CC0) and RdBu (ColorBrewer, Apache License 2.0). Glyphs in the figures: DejaVu Sans (its own free licence) and Noto Sans SC (SIL Open Font License 1.1).",
        "网络：W. Zhang 等，“TopFormer: Token Pyramid Transformer for Mobile Semantic Segmentation”，CVPR 2022（arXiv 2204.05525）。讲解：TopFormer 的注意力，逐步讲解（Apache License 2.0），源于博客《TopFormer中Attention的理解》。色图：viridis（CC0）与 RdBu（ColorBrewer，Apache License 2.0）。图中的字形：DejaVu Sans（自有的自由许可）与 Noto Sans SC（SIL Open Font License 1.1）。",
    ),
    "research": Text(
        "The parameters trained on everyday images come from images that are for research only, so use them for research and teaching.",
        "在日常图片上训练的参数来自仅供研究的图片，因此只供研究与教学使用。",
    ),
}  # fmt: skip
