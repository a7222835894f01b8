"""The words of the lab's part by hand."""

from topformer_viz.words.text import Text

UI = {
    "numbers": Text("Numbers", "第几组数"),
    "worksheet": Text("Worksheet (PDF)", "练习题（PDF）"),
    "solutions": Text("Solutions (PDF)", "答案（PDF）"),
    "about": Text(
        "The real attention module on {H} × {W} tokens: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Choose a number, by "
        "click or with Tab and the arrow keys, to see what it was made from; indices count from 0, as in the code. Tokens and weights are small "
        "whole numbers drawn at random, so **a pattern here is not a finding.** BatchNorm is left out by making it the identity. "
        "The projection's gain is therefore 1 here; TopFormer builds it as 0, and `projected` would be 0 throughout.",
        "真正的注意力模块，只有 {H} × {W} 个 token：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。点选一个数（也可以用 Tab "
        "和方向键），就能看到它是怎样算出来的；下标和代码一样从 0 开始。输入和权重都是随机抽取的小整数，所以**这里的图案不说明规律**。BatchNorm "
        "设成恒等映射，等于省去；因此投影的增益在这里是 1，而 TopFormer 刚建好时是 0，那样 `projected` 会全是 0。",
    ),
    "given": Text("{value}, drawn at random", "{value}，随机抽取"),
}
TITLES = {
    "P_q": Text("The query's weights", "查询的权重"),
    "P_k": Text("The key's weights", "键的权重"),
    "P_v": Text("The value's weights", "值的权重"),
    "P_o": Text("The projection's weights", "投影的权重"),
}


FIGURES = {
    "query": Text("From the tokens to the query", "从输入到查询"),
    "key": Text("From the tokens to the key", "从输入到键"),
    "value": Text("From the tokens to the value", "从输入到值"),
    "scores": Text("Scores and weights", "得分与权重"),
    "output": Text("From the mixed values to the output", "从混合后的值到输出"),
    "title": Text("By hand: {part}", "手算：{part}"),
    "tensor": Text("{title} ({name}): {shape}", "{title}（{name}）：{shape}"),
    "about": Text("attention on {H} × {W} tokens · numbers {seed}", "{H} × {W} token 上的注意力 · 第 {seed} 组数"),
    "caption": Text(
        "The real attention module on {H} × {W} tokens: {C} channels, {heads} heads, key_dim {key_dim}, d {d}. Tokens and "
        "weights are whole numbers drawn at random: a pattern here is not a finding. BatchNorm is the identity. Indices count "
        "from 0; red is above 0, blue below.",
        "真正的注意力模块，{H} × {W} 个 token：{C} 个通道，{heads} 个头，key_dim 为 {key_dim}，d 为 {d}。输入和权重是随机抽取的整数，"
        "图案不说明规律。BatchNorm 是恒等映射。下标从 0 开始；红色大于 0，蓝色小于 0。",
    ),
}  # fmt: skip
