"""The words of the lab's part by hand."""

from topformer_viz.words.text import Text

UI = {
    "numbers": Text("Sheet no.", "题号"),
    "worksheet": Text("Worksheet (PDF)", "练习纸（PDF）"),
    "solutions": Text("Solutions (PDF)", "答案（PDF）"),
    "about": Text(
        "The real attention module on {H} × {W} tokens: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Choose a number (tap, click, or Tab and "
        "arrow keys) to see what it was computed from; indices count from 0, as in the code. Tokens and projection matrices are small random "
        "integers: **nothing here is evidence of anything learned.** BatchNorm is the identity, so its gain (γ) after the output projection is 1; "
        "TopFormer starts it at 0, and `projected` would be all 0.",
        "真正的注意力模块，只有 {H} × {W} 个 token：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。点选一个数（也可以用 Tab "
        "和方向键），就能看到它是怎样算出来的；下标和代码一样从 0 开始。token 和投影矩阵都是随机的小整数，所以**这里的数不能当作结论**。BatchNorm "
        "是恒等映射，因此输出投影之后的增益（γ）在这里是 1；TopFormer 让它从 0 开始，那样 `projected` 会全是 0。",
    ),
    "given": Text("{value}, random", "{value}，随机"),
}
TITLES = {
    "P_q": Text("The query's projection matrix", "查询的投影矩阵"),
    "P_k": Text("The key's projection matrix", "键的投影矩阵"),
    "P_v": Text("The value's projection matrix", "值的投影矩阵"),
    "P_o": Text("The output projection's matrix", "输出投影的矩阵"),
}


FIGURES = {
    "query": Text("From the tokens to the query", "从 token 到查询"),
    "key": Text("From the tokens to the key", "从 token 到键"),
    "value": Text("From the tokens to the value", "从 token 到值"),
    "scores": Text("Scores and attention weights", "得分与注意力权重"),
    "output": Text("From the mixed values to the output", "从混合后的值到输出"),
    "title": Text("By hand: {part}", "手算：{part}"),
    "tensor": Text("{title} ({name}): {shape}", "{title}（{name}）：{shape}"),
    "about": Text("attention on {H} × {W} tokens · sheet no. {seed}", "{H} × {W} 个 token 上的注意力 · 题号 {seed}"),
    "caption": Text(
        "The real attention module on {H} × {W} tokens: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Tokens and "
        "projection matrices are random integers: nothing here is evidence of anything learned. BatchNorm is the identity. Indices count "
        "from 0; red is above 0, blue below.",
        "真正的注意力模块，{H} × {W} 个 token：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。token 和投影矩阵是随机的整数，"
        "这里的数不能当作结论。BatchNorm 是恒等映射。下标从 0 开始；红色大于 0，蓝色小于 0。",
    ),
}  # fmt: skip
