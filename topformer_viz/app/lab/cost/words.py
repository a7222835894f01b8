"""The words of the lab's part about cost."""

from topformer_viz.app.canvas.wire import OWN
from topformer_viz.words.names import TOPFORMER
from topformer_viz.words.text import Text

UI = {
    "title": Text("What does it cost?", "计算开销有多大？"),
    "intro": Text(
        "An attention module does two kinds of work. The **projections** (`to_q`, `to_k`, `to_v`, `proj`) take each token by "
        "itself: twice the tokens, twice the work. **Attention** proper, query @ key and weights @ value, brings every token together with "
        "every token: twice the tokens, four times the work.",
        "一个注意力模块做两类工作。**投影**（`to_q`、`to_k`、`to_v`、`proj`）逐个处理 token：token 多一倍，计算量多一倍。"
        "**注意力**本身，即 query @ key 和 weights @ value，让每个 token 与所有 token 相遇：token 多一倍，计算量变成四倍。",
    ),
    "module": Text("The attention module of", "哪个注意力模块"),
    OWN: Text("my own numbers", "自己的数字"),
    "late": Text(
        "**At 512 × 512 the quadratic part is not the expensive one.** There, with HW = {HW} tokens (HW = H × W, the grid's rows times its columns), attention takes {share} of the module's "
        "multiply-adds; the projections take the rest. The two are equal at HW = {crossing}, in a square image of about {side} image "
        "pixels a side.",
        "**512 × 512 时，主要开销并不是平方项**。此时有 HW = {HW} 个 token（HW = H × W，token 网格的行数乘以列数），两次矩阵乘法只占注意力模块乘加次数的 {share}，其余都是投影的。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 图像像素的正方形图片。",
    ),
    "early": Text(
        "**With these numbers the quadratic part is the larger one at 512 × 512 already.** There, with HW = {HW} tokens (HW = H × W, the grid's rows times its columns), attention takes "
        "{share} of the module's multiply-adds. The two are equal at HW = {crossing}, in a square image of about {side} image pixels a side.",
        "**用这组数字，平方的部分在 512 × 512 时就已经更大**。此时有 HW = {HW} 个 token（HW = H × W，token 网格的行数乘以列数），两次矩阵乘法占注意力模块乘加次数的 {share}。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 图像像素的正方形图片。",
    ),
    "near": Text(
        "**With these numbers 512 × 512 takes much of both.** There, with HW = {HW} tokens (HW = H × W, the grid's rows times its columns), attention takes {share} of the module's "
        "multiply-adds. The two are equal at HW = {crossing}, in a square image of about {side} image pixels a side.",
        "**用这组数字，512 × 512 的开销两者都有份**。此时有 HW = {HW} 个 token（HW = H × W，token 网格的行数乘以列数），两次矩阵乘法占注意力模块乘加次数的 {share}。"
        "两者在 HW = {crossing} 处相等，也就是边长约 {side} 图像像素的正方形图片。",
    ),
    "yours": Text("On your image, which TopFormer divides into HW = {HW} tokens, it takes {share}.", "TopFormer 把你的图片分成 HW = {HW} 个 token，注意力占 {share}。"),
    "whole": Text(
        "In all of TopFormer {size} on your image (with {classes} classes), the {blocks} attention modules take {modules} of the "
        "multiply-adds, and the matrix products in them {products}.",
        "TopFormer {size}（{classes} 个类别）处理你的图片时，{blocks} 个注意力模块占全部乘加次数的 {modules}，"
        "其中的矩阵乘法占 {products}。",
    ),
    "adds": Text("Multiply-adds of one attention module", "一个注意力模块的乘加次数"),
    "memory": Text("Memory of one attention module, float32", "一个注意力模块的内存，float32"),
    "adds_alt": Text(
        "Two lines on log axes against the side of a square image: projections grow with HW, attention with its square. They "
        "cross at HW = {HW}, {side} image pixels.",
        "对数坐标上的两条线，横轴是正方形图片的边长：投影随 HW 增长，注意力随 HW 的平方增长，两者在 HW = {HW}、{side} 图像像素处相交。",
    ),
    "memory_alt": Text(
        "Two lines on log axes against the side of a square image: feature maps grow with HW, scores and weights with its square. "
        "They cross at HW = {HW}, {side} image pixels.",
        "对数坐标上的两条线，横轴是正方形图片的边长：特征图随 HW 增长，得分和权重随 HW 的平方增长，两者在 HW = {HW}、{side} 图像像素处相交。",
    ),
    "adds_note": Text(
        "Measured points are laid over the lines (right axis): dots for projections, squares for attention, open where a fused "
        "kernel computes it (one program for scores, softmax and mixing that never stores the matrix). The right axis is shifted so that the dots lie about their line; the further a point is above its "
        "line, the longer each multiply-add took.",
        "实测的点叠加在线上（右轴）：圆点是投影，方块是注意力，空心表示由融合算子计算（一个程序完成得分、softmax 和混合，从不存下矩阵）。右轴经过平移，使圆点大致落在自己的线上；"
        "点比自己的线高得越多，每次乘加用的时间就越长。",
    ),
    "memory_note": Text(
        "Feature maps: query, key, value, mixed, merged, activated and projected. When the module ends these are all still in memory, as are "
        "scores and attention weights. Above {dense} tokens this project's module computes neither scores nor attention weights; the line "
        "says what they would take.",
        "特征图指 query、key、value、mixed、merged、activated 和 projected，注意力模块结束时它们都还在内存里，得分和注意力权重也是。"
        "超过 {dense} 个 token 时，本项目的注意力模块既不计算得分也不计算注意力权重；这条线表示假如计算会占多少。",
    ),
    "measured": Text("Measured on this machine", "在这台机器上实测"),
    "measured_intro": Text(
        "A count is not a time. The button runs the module itself, with these numbers and random parameters (how long it takes does "
        "not depend on their values), at HW = {sizes}. Times are the fastest of {passes} passes, after {warm} to warm up. Scores, "
        "softmax and mixing count as attention; all the rest, with reshapes and permutes, as projections. Other work on the "
        "machine disturbs the clock: where a point stands out, measure again.",
        "计数不等于时间。按下按钮，就会用这组数字和随机参数（耗时与参数的取值无关）真正运行这个注意力模块，HW 依次取 {sizes}。"
        "先预热 {warm} 次，再取 {passes} 次中最快的一次。得分、softmax 和混合的时间算作注意力，其余都算作投影，包括 reshape 和 permute。"
        "机器上的其他工作会干扰计时：如果某个点明显偏离，就再测一次。",
    ),
    "measure": Text("Measure on this machine", "在这台机器上测量"),
    "running": Text("HW = {HW}: timing {passes} passes", "HW = {HW}：正在测量 {passes} 次前向传播"),
    "on": Text("Measured on {device}.", "测量所用：{device}。"),
    "threads": Text("CPU, threads: {threads}", "CPU，线程数 {threads}"),
    "crossed": Text(
        "Attention takes longer than the projections from about HW = {HW} on, a square image of about {side} image pixels a side "
        "(interpolated on logarithms between the sizes measured). The count says {count}. Time also contains what the count leaves out: softmax, "
        "reading and writing memory, starting each operation.",
        "注意力的时间在 HW 约为 {HW} 处超过投影，也就是边长约 {side} 图像像素的正方形图片（在实测的两个大小之间按对数插值）。"
        "按计数应是 {count}。时间里还有计数没有算进去的东西：softmax、读写内存、启动每个运算。",
    ),
    "still_shorter": Text(
        "Up to HW = {HW} attention takes less time than the projections; the crossing is not among the sizes measured. The "
        "count says {count}.",
        "到 HW = {HW} 为止，注意力用的时间都比投影少，交点不在实测的范围内。按计数应是 {count}。",
    ),
    "longer": Text(
        "Attention takes longer than the projections at every size measured, so the crossing is not among them. The count says "
        "{count}.",
        "在实测的每个大小上，注意力用的时间都比投影多，交点不在实测的范围内。按计数应是 {count}。",
    ),
    "left_out_memory": Text(
        "Left out: HW = {sizes}. At {first} tokens feature maps, scores and attention weights could take {needed}, and a measurement may take "
        "{allowed} here (at most {most}, and at most a quarter of the free memory).",
        "没有测量：HW = {sizes}。{first} 个 token 时，特征图、得分和注意力权重可能占 {needed}，而这里一次测量最多可用 {allowed}"
        "（不超过 {most}，也不超过空闲内存的四分之一）。",
    ),
    "left_out_time": Text(
        "Left out: HW = {sizes}. Going by the size before it, one pass of {first} tokens would take about {needed} seconds; the "
        "limit is {allowed}.",
        "没有测量：HW = {sizes}。按前一个大小推算，{first} 个 token 的一次前向传播约需 {needed} 秒，而上限是 {allowed} 秒。",
    ),
    "fused_note": Text(
        "Above {dense} tokens (open squares) a fused kernel computes attention without a matrix of HW × HW.",
        "超过 {dense} 个 token 时（空心方块），由融合算子计算注意力，不生成 HW × HW 的矩阵。",
    ),
    "fused": Text("{ms} (fused)", "{ms}（融合）"),
    "why": Text("Why they are equal there", "为什么在那里相等"),
    "why_adds": Text("Multiply-adds per token", "每个 token 的乘加次数"),
    "why_adds_note": Text(
        "nh_kd + dh (nh_kd = heads × key_dim, dh = heads × d) is on both sides and cancels. More heads, a larger key_dim or attn_ratio "
        "make both kinds of work more expensive by the same factor; only C changes where they are equal. A token covers {cell} × {cell} image "
        "pixels, so a square image has {cell} × √HW image pixels a side. Counted are multiply-adds, one multiplication with its addition; "
        "BatchNorm, ReLU6 and softmax are left out, as is usual.",
        "nh_kd + dh（nh_kd = heads × key_dim，dh = heads × d）在两边都有，可以约去。头更多、key_dim 或 attn_ratio 更大，两类工作的开销"
        "都按同样的倍数增加；只有 C 能改变相等的位置。一个 token 覆盖 {cell} × {cell} 图像像素，所以正方形图片的边长是 {cell} × √HW 图像像素。"
        "这里数的是乘加次数，一次乘法连同一次加法算一次；按照惯例，BatchNorm、ReLU6 和 softmax 不计入。",
    ),
    "why_memory": Text("Numbers kept per token", "每个 token 存下的数"),
    "why_memory_note": Text(
        "Memory is equal earlier than work: in each head, scores and attention weights hold one number each for a pair of tokens, however "
        "many multiply-adds it took.",
        "内存比计算量更早相等：每个头里，每对 token 在得分和注意力权重中各占一个数，不管算出它用了多少次乘加。",
    ),
    "why_memory_late": Text(
        "With these numbers memory is equal no earlier than work: compared with C a head has many features, so its feature maps outweigh its "
        "two matrices up to a larger image.",
        "用这组数字，内存并不比计算量更早相等：与 C 相比，每个头的特征很多，要到更大的图片，两个矩阵才会超过它们。",
    ),
    "work": Text("work", "工作"),
    "kept": Text("kept", "存下的"),
    "formula": Text("formula", "公式"),
    "value": Text("here", "这里"),
    "projections": Text("projections", "投影"),
    "attention": Text("attention", "注意力"),
    "maps": Text("feature maps", "特征图"),
    "matrices": Text("scores and weights", "得分和权重"),
    "equal": Text("equal at", "相等处"),
    "pixels": Text("side of the square image", "正方形图片的边长"),
    "px": Text("{side} px", "{side} 图像像素"),
    "table": Text("From a small image to a very large one", "从小图到很大的图"),
    "table_caption": Text("One attention module of {name}", "{name} 的一个注意力模块"),
    "table_side": Text("square image, image pixels", "正方形图片，图像像素"),
    "table_projections": Text("projections, million multiply-adds", "投影，百万次乘加"),
    "table_attention": Text("attention, million multiply-adds", "注意力，百万次乘加"),
    "table_share": Text("attention's share", "注意力所占"),
    "table_weights": Text("attention weights, heads × HW × HW, float32", "注意力权重，heads × HW × HW，float32"),
    "ms_projections": Text("projections, ms", "投影，毫秒"),
    "ms_attention": Text("attention, ms", "注意力，毫秒"),
    "name": TOPFORMER,
    "name_own": Text(
        "C = {C}, heads = {heads}, key_dim = {key_dim}, attn_ratio = {ratio}",
        "C = {C}，heads = {heads}，key_dim = {key_dim}，attn_ratio = {ratio}",
    ),
}  # fmt: skip


FIGURES = {
    "adds": Text("Multiply-adds as the image grows", "图片变大时的乘加次数"),
    "memory": Text("Memory as the image grows", "图片变大时的内存"),
    "table": UI["table"],
    "measured": Text("{name}, measured", "{name}，实测"),
    "fused": Text("{name}, measured, fused kernel", "{name}，实测，融合算子"),
    "counted": Text("Counted from the module's formulas; a token covers {cell} × {cell} image pixels.", "按注意力模块的公式计数；一个 token 覆盖 {cell} × {cell} 图像像素。"),
}  # fmt: skip
PLOTS = {
    "side": Text("side of the square image, px; below: HW", "正方形图片的边长（图像像素），下行：HW"),
    "adds": Text("multiply-adds", "乘加次数"),
    "bytes": Text("memory, bytes", "内存，字节"),
    "ms": Text("measured, milliseconds", "实测，毫秒"),
    "projections": UI["projections"],
    "attention": UI["attention"],
    "maps": UI["maps"],
    "matrices": UI["matrices"],
    "crossing": Text("HW = {HW}, {side} px", "HW = {HW}, {side} 图像像素"),
    "yours": Text("your image, HW = {HW}", "你的图片，HW = {HW}"),
}  # fmt: skip
