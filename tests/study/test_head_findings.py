"""What a head looks at: pooling, ratios to uniform rows, intervals, and the sentence made of them."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from topformer_viz import trace
from topformer_viz.network.model import TopFormer
from topformer_viz.run.tracing import Trace
from topformer_viz.study.heads import (
    LOCAL,
    MIN_AREA,
    MIN_PICTURES,
    ONE_HOT,
    TELLING,
    UNIFORM,
    Estimate,
    FindingsError,
    HeadFinding,
    NetworkFinding,
    Shown,
    load,
    sentence,
    telling,
)
from topformer_viz.terminal.training.data import IGNORE, NONE_OF, Photographs
from topformer_viz.terminal.training.heads import RESAMPLES, SEED, Reading, measure, pooled, reading, shown, summarise
from topformer_viz.terminal.training.score import as_shown
from topformer_viz.words.text import LANGS, Text

CPU = torch.device("cpu")
GRID = (3, 4)


def labels(seed: int, classes: int = 3, size: tuple[int, int] = (21, 30)) -> Tensor:
    """Blots of classes and of nothing."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes + 1, (3, 5)).astype(np.uint8)
    coarse[coarse == classes] = IGNORE
    return torch.from_numpy(np.array(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.NEAREST)))


def attention(seed: int, heads: int = 2, tokens: int = 12, peak: float = 2.0) -> Tensor:
    scores = torch.randn(heads, tokens, tokens, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (peak * scores).softmax(-1)


def made(pictures: int = 9) -> list[Reading]:
    return [reading(attention(seed), pooled(labels(seed), 3, GRID), GRID) for seed in range(pictures)]


# Pooling


@pytest.mark.parametrize("none", [IGNORE, NONE_OF])
def test_a_pixel_on_a_border_counts_on_either_side_and_an_unlabelled_one_nowhere(none: int) -> None:
    picture = torch.tensor([[0, 1, none], [0, 0, 1]], dtype=torch.uint8)
    cells = pooled(picture, 2, (1, 2))  # the border cuts the middle column: three tokens' area on either side
    expected = torch.tensor([[2.5, 0.5], [0.5, 1.5]], dtype=torch.float64) / 3
    torch.testing.assert_close(cells, expected)


def test_cells_stand_in_rows() -> None:
    picture = torch.arange(6, dtype=torch.uint8).view(2, 3).repeat_interleave(5, 0).repeat_interleave(7, 1)
    torch.testing.assert_close(pooled(picture, 6, (2, 3)), torch.eye(6, dtype=torch.float64))


@pytest.mark.parametrize("grid", [(3, 4), (8, 11), (1, 1), (40, 7)])
def test_pooling_keeps_every_class_area(grid: tuple[int, int]) -> None:
    picture = labels(5)
    cells = pooled(picture, 3, grid)
    assert cells.shape == (grid[0] * grid[1], 3)
    assert float(cells.sum(1).max()) <= 1 + 1e-12
    share = torch.stack([(picture == c).double().mean() for c in range(3)])
    torch.testing.assert_close(cells.mean(0), share)


# One picture


def test_a_row_asks_and_a_column_is_asked() -> None:
    cells = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]], dtype=torch.float64)
    to_second = torch.tensor([0, 0, 0.5, 0.5], dtype=torch.float64)
    weights = torch.stack([to_second, to_second, *torch.full((2, 4), 0.25, dtype=torch.float64)])
    (head,) = summarise([reading(weights[None], cells, (2, 2))], 1).heads[0]
    assert [[x.value for x in row if x] for row in head.ratio] == [[0, 2], [1, 1]]
    assert [x.value for x in head.read if x] == [0.5, 1.5]


def test_effective_tokens_and_distance_by_hand() -> None:
    cells = torch.ones(2, 1, dtype=torch.float64)
    swap = torch.tensor([[[0, 1], [1, 0]]], dtype=torch.float64)
    network = summarise([reading(torch.cat([swap, swap.flip(1)]), cells, (1, 2))], 2)
    swapping, staying = network.heads[0]
    assert swapping.distance == (1, 1, 1)
    assert staying.distance == (0, 0, 0)
    assert swapping.effective == staying.effective == (1, 1, 1)
    assert (network.distance, network.tokens) == (0.5, (2, 2, 2))


def test_distance_is_euclidean_on_the_grid() -> None:
    corner = torch.zeros(1, 20, 20, dtype=torch.float64)
    corner[:, :, 19] = 1  # everyone reads the last cell of 4 rows and 5 columns
    found = reading(corner, torch.ones(20, 1, dtype=torch.float64), (4, 5))
    expected = np.mean([np.hypot(3 - i // 5, 4 - i % 5) for i in range(20)])
    assert float(found.distance[0]) == pytest.approx(expected)


# Over pictures


def test_shares_sum_to_one() -> None:
    network = summarise(made(), 2)
    for head in network.heads[0]:
        for ratios, chances in zip([*head.ratio, head.read], network.chance, strict=True):
            assert sum(chances) == pytest.approx(1, abs=1e-3)
            shares = [ratio.value * chance for ratio, chance in zip(ratios, chances, strict=True)]
            assert sum(shares) == pytest.approx(1, abs=2e-3)


def test_uniform_rows_have_ratios_of_1() -> None:
    grids = [(3, 4), (4, 3), (3, 5), (3, 4)]
    readings = [
        reading(torch.full((1, h * w, h * w), 1 / (h * w), dtype=torch.float64), pooled(labels(i), 3, (h, w)), (h, w))
        for i, (h, w) in enumerate(grids)
    ]
    network = summarise(readings, 1)
    (head,) = network.heads[0]
    assert all(ratio == (1, 1, 1) for row in [*head.ratio, head.read] for ratio in row)
    assert head.effective == (network.tokens[1],) * 3
    assert head.distance == (network.distance,) * 3
    assert network.tokens == (12, 12.75, 15)


def test_a_head_that_reads_one_class_alone_reads_it_as_often_as_its_area_is_small() -> None:
    readings = []
    for seed in range(5):
        classes = torch.randint(0, 3, (12,), generator=torch.Generator().manual_seed(seed))
        cells = torch.nn.functional.one_hot(classes, 3).double()
        weights = cells[:, 1].expand(1, 12, 12) / cells[:, 1].sum()
        readings.append(reading(weights, cells, GRID))
    network = summarise(readings, 1)
    (head,) = network.heads[0]
    assert head.read[1].value == pytest.approx(1 / network.area(1), rel=1e-3)
    assert network.area(1) == pytest.approx(float(torch.cat([r.labels for r in readings]).mean(0)[1]), rel=1e-3)
    assert all(row[0].value == row[2].value == 0 for row in head.ratio)


def test_pictures_are_summed_before_they_are_divided() -> None:
    """A picture with little of a class has little say in that class's row."""
    cells = [torch.tensor(x, dtype=torch.float64) for x in ([[1, 0], [0, 1]], [[0.1, 0.9], [0.1, 0.9]])]
    weights = [torch.tensor([x], dtype=torch.float64) for x in ([[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]])]
    network = summarise([reading(w, c, (1, 2)) for w, c in zip(weights, cells, strict=True)], 1)
    # Of class 0's mass 1 + 0.02 lies on class 0 and 0.18 on class 1; uniform rows: 0.5 + 0.02 and 0.5 + 0.18.
    assert network.heads[0][0].ratio[0][0].value == pytest.approx((1.02 / 1.2) / (0.52 / 1.2), rel=1e-3)
    assert network.together == [[2, 2], [2, 2]]


def test_the_order_of_pictures_changes_no_estimate() -> None:
    readings = made()
    one, other = summarise(readings, 2), summarise(readings[::-1], 2)
    assert (one.chance, one.together, one.tokens) == (other.chance, other.together, other.tokens)
    for a, b in zip(one.heads[0], other.heads[0], strict=True):
        assert a.effective.value == pytest.approx(b.effective.value, rel=1e-3)
        assert [x.value for row in a.ratio for x in row] == pytest.approx([x.value for row in b.ratio for x in row])


def test_heads_are_dealt_out_to_blocks_in_order() -> None:
    readings = [reading(attention(seed, heads=6), pooled(labels(seed), 3, GRID), GRID) for seed in range(3)]
    flat = summarise(readings, 6).heads[0]
    assert summarise(readings, 2).heads == [flat[:2], flat[2:4], flat[4:]]


# Intervals


def test_the_interval_is_the_bootstraps_done_one_resample_after_another() -> None:
    readings = made()
    head = summarise(readings, 2).heads[0][1]
    counts = np.random.default_rng(SEED).multinomial(9, [1 / 9] * 9, RESAMPLES)
    ratios = []
    for draw in counts:
        drawn = [r.mass.numpy() for r, times in zip(readings, draw, strict=True) for _ in range(times)]
        own, uniform = sum(mass[1] for mass in drawn), sum(mass[-1] for mass in drawn)
        ratios.append(own[0, 2] / own[0].sum() / (uniform[0, 2] / uniform[0].sum()))
    low, high = np.quantile(ratios, [0.025, 0.975])
    found = head.ratio[0][2]
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)
    assert found.low < found.value < found.high


def test_every_interval_covers_its_estimate_and_one_picture_leaves_no_width() -> None:
    for head in summarise(made(), 2).heads[0]:
        numbers = [head.effective, head.distance, *head.read, *(x for row in head.ratio for x in row)]
        assert all(x.low <= x.value <= x.high for x in numbers)
    for head in summarise(made(1), 2).heads[0]:
        assert all(x is None or x.low == x.value == x.high for x in (head.effective, *head.read))


def test_the_width_is_that_of_the_mean() -> None:
    spread = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 5 + 2
    cells = torch.ones(12, 1, dtype=torch.float64)
    plain = reading(attention(0, heads=1), cells, GRID)
    readings = [replace(plain, effective=torch.stack([x, plain.effective[-1]])) for x in spread]
    effective = summarise(readings, 1).heads[0][0].effective
    error = float(spread.std() / 200**0.5)
    assert effective.high - effective.low == pytest.approx(2 * 1.96 * error, rel=0.1)


# The file


@pytest.fixture
def data(tmp_path: Path) -> Photographs:
    """Six small pictures, of which the last two alone have class 2, and never with class 0."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    stems = [f"p{i}" for i in range(6)]
    for i, stem in enumerate(stems):
        rng = np.random.default_rng(i)
        picture = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize((80, 60))
        picture.save(tmp_path / "images" / f"{stem}.png")
        own = labels(i, classes=2, size=(60, 80)).numpy().copy()
        if i >= 4:
            own[own == 0] = 2
        Image.fromarray(own).save(tmp_path / "labels" / f"{stem}.png")
    splits = {"classes": ["sky", "road", "person"], "train": ["t"], "val": stems}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    return Photographs(tmp_path)


def test_what_is_measured_is_what_the_traced_run_did(data: Photographs, varied: Callable[..., TopFormer]) -> None:
    model = varied("tiny", 3)
    data.val = data.val[3:5]
    content = measure(model, data, CPU)
    own, uniform = np.zeros((2, 3, 3))
    for stem in data.val:
        run = trace(model, as_shown(data.picture(stem)))
        weights = run["block2.weights"][0, 3].double().numpy()
        h, w = run.sizes["H"], run.sizes["W"]
        cells = pooled(data.labels(stem), 3, (h, w)).numpy()
        for i in range(h * w):
            for c in range(3):
                own[c] += cells[i, c] * weights[i] @ cells
                uniform[c] += cells[i, c] * cells.mean(0)
    with np.errstate(invalid="ignore"):  # classes 0 and 2 never meet
        expected = (own / own.sum(1, keepdims=True)) / (uniform / uniform.sum(1, keepdims=True))
    found = content["heads"][2][3]["ratio"]
    for c in range(3):
        for k in range(3):
            if np.isnan(expected[c, k]):
                assert found[c][k] is None
            else:
                assert found[c][k][0] == pytest.approx(expected[c, k], rel=1e-3)
    assert (len(content["heads"]), len(content["heads"][0]), content["pictures"]) == (4, 4, 2)


def test_the_file_has_no_nan_and_comes_back_as_it_was(
    data: Photographs, varied: Callable[..., TopFormer], tmp_path: Path
) -> None:
    content = measure(varied("tiny", 3), data, CPU)
    data.val = data.val[::-1]
    assert measure(varied("tiny", 3), data, CPU) == content
    file = tmp_path / "everyday.json"
    one = [[{"sample": "street", "grid": [1, 2], "token": 1, "weights": [0.25, 0.75]}, None]]
    text = json.dumps(
        {"classes": data.classes, "networks": {"trained": content}, "shown": one, "more": 1}, allow_nan=False
    )
    file.write_text(text)
    findings = load(file)
    assert findings.classes == ["sky", "road", "person"]
    assert findings.shown == [[Shown("street", (1, 2), 1, [0.25, 0.75]), None]]
    network = findings.networks["trained"]
    assert json.loads(json.dumps(asdict(network))) == json.loads(text)["networks"]["trained"]
    assert network.together[0][2] == 0
    assert network.chance[0][2] == 0
    assert network.heads[0][0].ratio[0][2] is None
    assert isinstance(network.heads[0][0].ratio[0][1], Estimate)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"classes": [], "networks": {"trained": {"heads": [[{}]]}}}'])
def test_a_file_without_findings_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "everyday.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(FindingsError, match=r"everyday\.json holds no findings"):
        load(file)


# The sentence

NAMES = (Text("sky", "天空"), Text("road", "道路"), Text("vehicle", "车辆"), Text("person", "人"))
ONE = Estimate(1, 0.99, 1.01)
NETWORK = NetworkFinding(
    pictures=100, tokens=(64, 85.2, 88), labelled=0.95, distance=3.9,
    together=[[100, 90, 80, 10], [90, 100, MIN_PICTURES, 10], [80, MIN_PICTURES, 80, 10], [10, 10, 10, 10]],
    chance=[[0.3, 0.4, 0.2, 0.1]] * 5, heads=[],
)  # fmt: skip


SOME, FAR = Estimate(30, 29, 31), Estimate(3.9, 3.8, 4.0)


def finding(*, effective: Estimate = SOME, distance: Estimate = FAR, **ratios: Estimate) -> HeadFinding:
    """A head without preferences but for ``ratios``: r1_2 is that of class 1 asking class 2, rall_2 of every token."""
    ratio: list[list[Estimate | None]] = [[ONE] * 4 for _ in range(4)]
    read: list[Estimate | None] = [ONE] * 4
    for place, estimate in ratios.items():
        asking, asked = place[1:].split("_")
        if asking == "all":
            read[int(asked)] = estimate
        else:
            ratio[int(asking)][int(asked)] = estimate
    return HeadFinding(effective, distance, ratio, read)


def said(head: HeadFinding, network: NetworkFinding = NETWORK) -> tuple[str, str]:
    english, chinese = (sentence(head, network, NAMES, lang) for lang in LANGS)
    return english, chinese


KEY = {f"r{c}_0": Estimate(2.4, 1.5, 3) for c in range(3)}


@pytest.mark.parametrize(
    ("head", "english", "chinese"),
    [
        (
            finding(effective=Estimate(1.02, 1.01, ONE_HOT - 0.01)),
            "Nearly one-hot: each token reads about 1.0 tokens (1.0 to 1.5).",
            "接近 one-hot：每个 token 大约只读 1.0 个 token（1.0 到 1.5）。",
        ),
        (
            finding(effective=Estimate(85.1, 85.0, 85.2)),
            "Nearly uniform: 85.1 effective tokens of 85.2 (85.0 to 85.2).",
            "接近均匀：有效 token 数 85.1，共 85.2（85.0 到 85.2）。",
        ),
        (
            finding(**KEY, rall_0=Estimate(2.4, 2.2, 2.6), r1_2=Estimate(9, 8, 10), distance=Estimate(1, 1, 1)),
            "Every class reads the sky: 2.4 times uniform (2.2 to 2.6).",
            "每一类都多读天空：是均匀水平的 2.4 倍（2.2 到 2.6）。",
        ),
        (
            finding(distance=Estimate(2.1, 2.0, LOCAL * 3.9 - 0.01), r1_2=Estimate(9, 8, 10)),
            "Reads its own neighbourhood: mean distance 2.1 tokens (2.0 to 2.9), 3.9 if uniform.",
            "主要读自己的周围：平均距离 2.1 个 token（2.0 到 2.9），均匀时为 3.9 个。",
        ),
        (
            finding(r1_2=Estimate(2.3, 2.1, 2.5), r0_2=Estimate(2.6, 2.0, 3.2)),
            "Road gives 46% of its attention to vehicles, 2.3 times as much as if uniform (2.1 to 2.5).",
            "道路把 46% 的注意力给了车辆：是均匀水平的 2.3 倍（2.1 到 2.5）。",
        ),
        (
            finding(r2_0=Estimate(0.17, 0.1, 0.25), r1_2=Estimate(0.5, 0.4, 0.6), r0_1=Estimate(1.3, 1.1, 1.8)),
            "Vehicle reads the sky only 0.17 times as much as if uniform (0.10 to 0.25).",
            "车辆很少读天空：只有均匀水平的 0.17 倍（0.10 到 0.25）。",
        ),
        (finding(), "No clear preference for any class.", "对各类没有明显的偏好。"),
    ],
    ids=["one-hot", "uniform", "key", "local", "more", "less", "none"],
)
def test_the_sentence_of_each_kind(head: HeadFinding, english: str, chinese: str) -> None:
    assert said(head) == (english, chinese)


def test_in_short_it_is_the_same_without_its_number() -> None:
    heads = (finding(r1_2=Estimate(2.3, 2.1, 2.5)), finding(r2_0=Estimate(0.17, 0.1, 0.25)), finding())
    told = [telling(head, NETWORK) for head in heads]
    assert [one.in_short(NAMES, "en") for one in told] == [
        "road reads vehicles",
        "vehicle hardly reads the sky",
        "no clear preference",
    ]
    assert [one.is_ratio for one in told] == [True, True, False]
    assert told[0].estimate == Estimate(2.3, 2.1, 2.5)


NOTHING = "No clear preference for any class."


@pytest.mark.parametrize(
    "head",
    [
        finding(effective=Estimate(1.4, 1.3, ONE_HOT)),
        finding(effective=Estimate(84, UNIFORM * 85.2, 85)),
        finding(distance=Estimate(2.8, 2.7, LOCAL * 3.9)),
        finding(r1_2=Estimate(1.5, 1 + TELLING, 1.8)),
        finding(r1_2=Estimate(0.7, 0.6, 1 - TELLING)),
        finding(r1_2=Estimate(3, 0.9, 9)),
        finding(rall_0=Estimate(2, 1.9, 2.1)),  # read by all together, but not by every class
        finding(r0_3=Estimate(9, 8, 10), r3_0=Estimate(9, 8, 10), rall_3=Estimate(9, 8, 10)),  # person: no support
    ],
    ids=["one-hot", "uniform", "local", "more", "less", "unsure", "not every class", "no support"],
)
def test_at_the_threshold_nothing_is_claimed(head: HeadFinding) -> None:
    assert said(head)[0] == NOTHING


def test_every_class_means_every_class_with_support() -> None:
    key = finding(**KEY, r3_0=Estimate(0.5, 0.1, 4), rall_0=Estimate(2.4, 2.2, 2.6))
    assert said(key)[0].startswith("Every class reads the sky")
    weak = finding(**{**KEY, "r2_0": Estimate(1.2, 0.99, 3)}, rall_0=Estimate(2.4, 2.2, 2.6))
    assert said(weak)[0].startswith("Sky gives 72% of its attention to the sky, 2.4 times")


def test_of_several_such_classes_the_surest_is_named() -> None:
    both = {f"r{c}_{k}": Estimate(2, 1.5, 3) for c in range(3) for k in (0, 2)}
    head = finding(**both, rall_0=Estimate(3, 1.3, 9), rall_2=Estimate(2, 1.8, 2.2))
    assert said(head)[0].startswith("Every class reads vehicles: 2.0 times")


def test_the_pair_that_takes_most_attention_is_named_not_the_tenfold_of_next_to_nothing() -> None:
    chance = [list(row) for row in NETWORK.chance]
    chance[1][2] = 0.01
    head = finding(r1_2=Estimate(10, 9, 11), r2_0=Estimate(0.1, 0.0, 0.2), r2_1=Estimate(1.6, 1.4, 1.8))
    assert said(head, replace(NETWORK, chance=chance))[0].startswith("Vehicle gives 64% of its attention to the road")


def test_a_pair_that_seldom_meets_is_not_named() -> None:
    head = finding(r1_2=Estimate(2.3, 2.1, 2.5))
    together = [list(row) for row in NETWORK.together]
    together[1][2] -= 1
    assert said(head, replace(NETWORK, together=together))[0] == NOTHING


def test_support_needs_pictures_and_area() -> None:
    assert [NETWORK.supported(c) for c in range(4)] == [True, True, True, False]
    assert NETWORK.supported(1, 2)
    assert not NETWORK.supported(1, 3)
    small = replace(NETWORK, chance=[*NETWORK.chance[:-1], [MIN_AREA * 0.99, 0.5, 0.4, 0.1]])
    assert [small.supported(c) for c in range(4)] == [False, True, True, False]


def test_a_pair_that_never_meets_has_nothing_to_say() -> None:
    head = finding(rall_0=Estimate(2, 1.9, 2.1), r0_1=Estimate(2, 1.9, 2.1))
    head.ratio[1][0] = None
    assert said(head)[0].startswith("Sky gives 80% of its attention to the road")


# The token that shows it

SIZE = {"H": 2, "W": 3, "Y": 128, "X": 192}


def run_of(classes: list[int], weights: Tensor) -> Trace:
    """A run that calls the six tokens so, of one block with one head of these weights (6, 6)."""
    scores = 9 * F.one_hot(torch.tensor(classes), 4).view(2, 3, 4).permute(2, 0, 1)[None].float()
    scores = scores.repeat_interleave(64, 2).repeat_interleave(64, 3)
    return Trace({"class_scores": scores, "block0.weights": weights[None, None]}, SIZE, 0.0, "cpu", False)


def uniform(**rows: list[float]) -> Tensor:
    """Uniform rows but for some: r4 is that of token 4."""
    weights = torch.full((6, 6), 1 / 6)
    for name, row in rows.items():
        weights[int(name[1:])] = torch.tensor(row)
    return weights


def only(head: HeadFinding) -> NetworkFinding:
    return replace(NETWORK, heads=[[head]])


PAIR = {"r0_1": Estimate(3, 2.5, 3.5)}  # the sky reads the road


def test_a_preference_is_shown_where_a_token_of_its_class_follows_it_most() -> None:
    """Not where a token of another class does, nor where less is read."""
    little, much = [0.0, 0, 0.1, 0.4, 0.4, 0.1], [0.0, 0, 0, 0.5, 0.5, 0]
    labels = [0, 0, 2, 1, 1, 2]
    runs = {
        "street": run_of(labels, uniform(r1=little, r2=much)),
        "cat": run_of(labels, uniform(r0=much)),
        "china": run_of([2] * 6, uniform(r0=much)),
    }
    assert shown(only(finding(**PAIR)), runs) == [
        [{"sample": "cat", "grid": (2, 3), "token": 0, "weights": pytest.approx(much, abs=1e-4)}]
    ]
    del runs["cat"]
    ((found,),) = shown(only(finding(**PAIR)), runs)
    assert found and (found["sample"], found["token"]) == ("street", 1)
    assert shown(only(finding(**PAIR)), {"china": runs["china"]}) == [[None]]


@pytest.mark.parametrize("labels", [[0, 0, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1]], ids=["no road", "none read"])
def test_nothing_is_shown_where_no_token_does_what_is_told(labels: list[int]) -> None:
    """There is no road, or the sky reads it less than uniform rows would."""
    little = {row: [0.3, 0.3, 0.3, 0.1, 0, 0] for row in ("r0", "r1", "r2")}
    assert shown(only(finding(**PAIR)), {"street": run_of(labels, uniform(**little))}) == [[None]]


@pytest.mark.parametrize(
    ("head", "token"),
    [
        (finding(r0_1=Estimate(0.1, 0.05, 0.2)), 1),  # hardly reads the road: the sky's token that reads least of it
        (finding(**{f"r{c}_1": Estimate(2, 1.5, 3) for c in range(3)}, rall_1=Estimate(2, 1.5, 3)), 0),
        (finding(effective=Estimate(1.02, 1.01, 1.1)), 2),
        (finding(effective=Estimate(85, 84.9, 85.2)), 4),
        (finding(distance=Estimate(1, 0.9, 1.1)), 2),
        (finding(), None),
    ],
    ids=["less", "key", "one-hot", "uniform", "local", "none"],
)
def test_what_else_is_told_is_shown_by_the_clearest_token(head: HeadFinding, token: int | None) -> None:
    rows = {"r0": [0.1, 0.1, 0.1, 0.4, 0.2, 0.1], "r1": [0.2, 0.5, 0.2, 0, 0, 0.1], "r2": [0, 0, 1.0, 0, 0, 0]}
    rows |= {"r3": [0.1, 0.1, 0.1, 0.5, 0.1, 0.1], "r5": [0.3, 0.1, 0.1, 0.1, 0.1, 0.3]}
    ((found,),) = shown(only(head), {"street": run_of([0, 0, 2, 1, 2, 2], uniform(**rows))})
    assert (found and found["token"]) == token
