"""A run's numbers worked out in a browser, beside Python's of the same tensors: answer by answer and tensor by tensor."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from working import FILES, NETWORK_JS, NUMBERS_JS, Worker, differences, working

from topformer_viz import Trace, load_model, trace
from topformer_viz.app.canvas import travelling as sent
from topformer_viz.app.canvas.wire import DRAWING_JS, SCENE_JS
from topformer_viz.app.explorer.script import EXPLORER_JS
from topformer_viz.network.classes import CLASS_SETS, classes_of
from topformer_viz.network.input import network_size
from topformer_viz.network.samples import open_sample
from topformer_viz.paths import PACKAGE
from topformer_viz.run import measures, numbers, questions
from topformer_viz.run.numbers import answers_of
from topformer_viz.run.walk import walk
from topformer_viz.study import likeness

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A model, a sample and its short side.
RUNS = {
    "everyday, street": ("everyday", "street", 512),
    "everyday, crossing": ("everyday", "crossing", 512),
    "everyday, cat": ("everyday", "cat", 256),
    "tiny": ("tiny", "china", 256),
    "small": ("small", "coffee", 256),
    "base": ("base", "rocket", 192),
    "colour": ("colour", "card", 512),
}
HEADS_NAMED = ("effective", "distance", "low", "high", "top")


@pytest.fixture(scope="module")
def worker(browser: "Browser") -> Iterator[Worker]:
    """With the page's own scripts as well: both are to bear each other's company."""
    with working(browser, DRAWING_JS + SCENE_JS + EXPLORER_JS + NETWORK_JS + NUMBERS_JS) as worker:
        yield worker


@cache
def _run(name: str) -> tuple[nn.Module, Trace]:
    source, slug, side = RUNS[name]
    model, photo = load_model(source), open_sample(slug)
    return model, trace(model, photo.resize(network_size(*photo.size, side)))


def changed(run: Trace, **tensors: Tensor) -> Trace:
    """The run with other tensors in block 0."""
    return replace(run, tensors={**run.tensors, **{f"block0.{name}": tensor for name, tensor in tensors.items()}})


def scored(run: Trace, scores: Tensor) -> Trace:
    """The run with other scores in block 0, and what attention makes of them."""
    weights = scores.softmax(-1)
    return changed(run, scores=scores, weights=weights, mixed=weights @ run["block0.value"])


def agrees(worker: Worker, run: Trace, model: nn.Module) -> dict[str, Any]:
    """Python's answers, which are the page's."""
    worker.hand(run, model)
    expected = answers_of(run, model)
    assert not [*differences(worker.ask("answersOf(run, model)"), expected)]
    return expected


# The answers


@pytest.mark.parametrize("name", RUNS)
def test_a_run_says_in_the_browser_what_it_says_in_python(worker: Worker, name: str) -> None:
    model, run = _run(name)
    agrees(worker, run, model)


def test_so_do_networks_of_all_shapes(worker: Worker, case) -> None:
    agrees(worker, case.run, case.model)


@pytest.mark.parametrize("factor", [0.0, 0.02, 1.0, 30.0, 1000.0])
def test_questions_are_answered_alike_whether_rows_are_flat_or_peaked(worker: Worker, factor: float) -> None:
    model, run = _run("everyday, cat")
    agrees(worker, scored(run, factor * run["block0.scores"]), model)


def test_of_scores_that_vary_in_one_head_alone_that_head_is_told(worker: Worker) -> None:
    model, run = _run("everyday, cat")
    factor = torch.tensor([0.1, 0.2, 6.0, 0.3]).view(1, 4, 1, 1)
    varied = run["block0.scores"] / run["block0.scores"].std(-1, keepdim=True)
    asked = agrees(worker, scored(run, factor * varied), model)["focused block0"]
    assert [option["right"] for option in asked["options"]] == [False, False, True, False]


def test_columns_that_sum_to_1_as_well_are_told_from_others(worker: Worker) -> None:
    model, run = _run("everyday, cat")
    tokens = torch.arange(run.sizes["HW"])
    apart = (tokens[:, None] - tokens).abs()
    circle = -torch.minimum(apart, run.sizes["HW"] - apart).float()
    asked = agrees(worker, scored(run, circle.expand_as(run["block0.scores"]).contiguous()), model)["sums block0"]
    assert [option["right"] for option in asked["options"]] == [False, False, True]


@pytest.mark.parametrize("share", [0.0, 0.252, 0.6, 1.0])
def test_shares_of_zeros_are_told_alike(worker: Worker, share: float) -> None:
    model, run = _run("everyday, cat")
    zeros = {}
    for name in ("activated", "projected"):
        tensor = run[f"block0.{name}"].abs() + 0.01
        first = torch.arange(tensor.numel()).view(tensor.shape) < share * tensor.numel()
        zeros[name] = tensor.where(~first, 0.0)
    answers = agrees(worker, changed(run, **zeros), model)
    assert (answers["branch block0"] is None) == (0.02 < share < 1)
    assert (answers["become_zero block0"] is None) == (share == 0.252)


def test_a_block_that_changes_nothing_says_so(worker: Worker) -> None:
    model, run = _run("everyday, cat")
    answers = agrees(
        worker, changed(run, residual=run["block0.tokens"], projected=torch.zeros_like(run["block0.tokens"])), model
    )
    assert [answers[f"{name} block0{of}"]["say"] for name, of in (("change", ""), ("largest", ".projected"))] == [
        "unchanged", "zero",
    ]  # fmt: skip


def test_these_runs_answer_every_question_and_leave_each_open(worker: Worker) -> None:
    """Or the tests above would not tell much."""
    answered = {name: set() for name in questions.QUESTIONS}
    for name in RUNS:
        for key, answer in answers_of(_run(name)[1], _run(name)[0]).items():
            if key.split()[0] in answered:
                answered[key.split()[0]].add(answer is None)
    assert all(False in found for found in answered.values())
    assert sum(True in found for found in answered.values()) >= 4


# What a block measures


def measured(worker: Worker, run: Trace, model: nn.Module, agree: Callable[..., None]) -> None:
    worker.hand(run, model)
    for n in range(model.num_blocks):
        expected, found = measures.measure(run, n), worker.ask(f"measuresOf(measure(run, {n}))")
        for name in HEADS_NAMED:
            agree(torch.tensor(found[name]), getattr(expected, name))
        agree(torch.tensor(worker.tensor(f"measure(run, {n}).log_sum_exp")), expected.log_sum_exp)


def test_measures_of_stored_matrices(worker: Worker, case, agree: Callable[..., None]) -> None:
    measured(worker, case.run, case.model, agree)


def test_measures_of_what_is_not_stored(
    worker: Worker, case, agree: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", 0)
    measured(worker, trace(case.model, case.photo), case.model, agree)


def test_where_there_are_too_many_tokens_measures_and_averages_are_worked_out_a_part_at_a_time(
    worker: Worker, photo: Callable[..., Image.Image], agree: Callable[..., None]
) -> None:
    model = load_model("colour", grid=40)
    run = trace(model, photo(64, 64))
    worker.hand(run, model)
    travelled = worker.ask(
        "(async () => { let pauses = 0; const { tensors, answers } = await travels(run, model, null, 'run', async () => pauses++);"
        " window.tensors = tensors; return { pauses, answers, names: Object.keys(tensors) }; })()"
    )
    assert not [*differences(travelled["answers"], answers_of(run, model))]
    assert travelled["pauses"] > 8
    for values, expected in zip(("scores", "weights"), measures.pooled(run, 0, sent.POOLED), strict=True):
        agree(torch.tensor(worker.tensor(f"tensors['block0.{values}.pooled']")), expected)
    assert not {"block0.scores", "block0.weights"} & set(travelled["names"])


def test_how_far_what_is_shown_is_from_a_plain_pass(worker: Worker, case, monkeypatch: pytest.MonkeyPatch) -> None:
    for dense in (1_024, 0):
        monkeypatch.setattr("topformer_viz.network.model.DENSE_TOKENS", dense)
        run = trace(case.model, case.photo)
        name = "weights" if "block0.weights" in run else "mixed"
        worker.hand(run, case.model)
        off = worker.ask(
            "(() => { const plain = { tensors: { ...run.tensors } }, name = 'block0." + name + "';"
            " const data = inOrder(plain.tensors[name]).slice(); data[data.length - 1] += 0.25;"
            " return difference({ tensors: { ...plain.tensors, [name]: tensorOf(data, plain.tensors[name].shape) } }, run); })()"
        )
        assert off[0] == pytest.approx(0.25, abs=1e-4)
        assert len(off) == case.model.num_blocks
        assert all(other < 1e-4 for other in off[1:])


# Maps


@pytest.mark.parametrize("sides", [(3, 5), (48, 31), (49, 97), (128, 192), (97, 33), (64, 512), (75, 100)])
def test_what_is_averaged_down_has_torchs_cells(
    worker: Worker, sides: tuple[int, int], agree: Callable[..., None]
) -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, 12, *sides).to(memory_format=torch.channels_last)
    worker.hand(replace(_run("everyday, cat")[1], tensors={"pyramid2": maps}), _run("everyday, cat")[0])
    for longest in (48, 30, 96):
        agree(
            torch.tensor(worker.tensor(f"shrink(run.tensors.pyramid2, {longest})")), measures.shrink(maps, longest)[0]
        )
    run = {"pyramid2": maps}
    agree(torch.tensor(worker.tensor("pyramidLevel(run, 2)")), measures.pyramid_level(run, 2)[0])  # type: ignore[arg-type]
    agree(torch.tensor(worker.tensor("strengthOf(run.tensors.pyramid2)")), measures.strength(maps)[0])
    agree(
        torch.tensor(worker.tensor("byLevel(run.tensors.pyramid2, [2, 1, 4, 5])")),
        measures.by_level(maps, [2, 1, 4, 5])[0],
    )


def test_numbers_in_the_middle_are_rounded_as_python_rounds_them(worker: Worker) -> None:
    values = [0.5, 1.5, 2.5, 3.49, 3.5, 4.5, 7, 0, 24.5, 95.50001]
    assert worker.ask(f"{values}.map(roundToEven)") == [round(value) for value in values]


def test_the_own_exp_is_exp(worker: Worker) -> None:
    powers = [0, -0.0, -1e-12, -1e-5, -0.1, *np.linspace(-699, 0, 997).tolist()]
    found = worker.ask(f"{powers}.map(expUpTo0)")
    assert np.allclose(found, np.exp(powers), rtol=1e-10, atol=0)
    assert worker.ask("[-701, -1e4, -1e30, -Infinity].map(expUpTo0)") == [0, 0, 0, 0]


def test_numbers_are_read_in_the_order_of_their_axes(worker: Worker) -> None:
    torch.manual_seed(0)
    cube = torch.randn(1, 4, 3, 5)
    views = {
        "channels last": cube.to(memory_format=torch.channels_last),
        "permuted": cube.permute(0, 3, 1, 2),
        "plain": cube,
    }
    worker.hand(replace(_run("everyday, cat")[1], tensors=views), _run("everyday, cat")[0])
    for name, view in views.items():
        assert np.array_equal(worker.tensor(f"run.tensors[{name!r}]"), view[0].numpy())


# What travels


def test_what_travels_is_what_the_page_gets_from_a_server(worker: Worker, case, agree: Callable[..., None]) -> None:
    run, model = case.run, case.model
    worker.hand(run, model)
    about = worker.ask(
        "(async () => { window.travelled = await travels(run, model, { width: 3, height: 2 }, 'its name');"
        " const { tensors, ...others } = travelled; return { ...others, names: Object.keys(tensors) }; })()"
    )
    assert about | {"names": [], "answers": {}} == {
        "run": "its name", "grid": [run.sizes["H"], run.sizes["W"]], "heads": run.sizes["heads"], "blocks": model.num_blocks, "dense": 1_024,
        "photo": {"width": 3, "height": 2}, "names": [], "answers": {}, "recipes": {},
    }  # fmt: skip
    assert not [*differences(about["answers"], answers_of(run, model))]
    for n in range(model.num_blocks):
        assert set(walk(run, n).values()) - set(about["names"]) == {f"block{n}.scores", f"block{n}.weights"}
        agree(
            torch.tensor(worker.tensor(f"travelled.tensors['block{n}.log_sum_exp']")),
            measures.measure(run, n).log_sum_exp,
        )
    shown = {f"pyramid{n}.shown" for n in range(4) if f"pyramid{n}" in run}
    assert {name for name in about["names"] if name.endswith(".shown")} == shown
    for name in set(about["names"]) & set(run):
        assert np.array_equal(worker.tensor(f"travelled.tensors[{name!r}]"), run[name][0].numpy())
    for name in shown:
        agree(torch.tensor(worker.tensor(f"travelled.tensors[{name!r}]")), measures.pyramid_level(run, int(name[7]))[0])


def test_the_page_can_make_the_rest_of_what_travelled(worker: Worker, agree: Callable[..., None]) -> None:
    model, run = _run("everyday, cat")
    worker.hand(run, model)
    worker.ask("travels(run, model, null, 'run').then((parts) => (window.shown = new Run([parts])) && null)")
    for h in (0, 3):
        found = worker.tensor(
            f"tensorOf(shown.attention(1).matrix({h}, 'weights'), [{run.sizes['HW']}, {run.sizes['HW']}])"
        )
        agree(torch.tensor(found), run["block1.weights"][0, h])
    assert worker.ask("shown.answer('effective', 'block1').say") == "effective"


def test_what_travels_leaves_the_networks_memory_behind(worker: Worker) -> None:
    model, run = _run("everyday, cat")
    worker.hand(run, model)
    kept = worker.ask(
        "(async () => { const { tensors } = await travels(run, model, null, 'run'), memory = run.tensors.image.data.buffer, all = Object.values(tensors);"
        " return { shared: all.filter(({ data }) => data.buffer === memory).length, longer: all.filter(({ data }) => data.byteLength !== data.buffer.byteLength).length,"
        " once: tensors['block0.query'].data === tensors['block0.query_map'].data }; })()"
    )
    assert kept == {"shared": 0, "longer": 0, "once": True}


# Likeness


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("everyday")])
def test_how_unlike_the_training_images_an_image_is(worker: Worker, name: str) -> None:
    model, run = _run(name)
    fitted = likeness.load()
    worker.hand(run, model, [(name, {}, tensor.float()[None]) for name, tensor in fitted.items()])
    mine = ", ".join(f"{name}: returned.{name}.scores" for name in fitted)
    found = worker.ask(f"likenessDistances({{ {mine} }}, run)")
    assert found == pytest.approx(likeness.distances(fitted, run), rel=1e-4)


# What the scripts have from Python, and each other


def test_their_constants_are_pythons(worker: Worker) -> None:
    found = worker.ask(
        "[CHUNK, PYRAMID_CHANNELS, PYRAMID_CELLS, OPTIONS, CLEAR, EXACT, UNIFORM, POOLED, OF_TENSORS, OF_MATRICES, Object.keys(NUMBERS)]"
    )
    assert found == [
        measures.CHUNK, measures.PYRAMID_CHANNELS, measures.PYRAMID_CELLS, questions.OPTIONS, questions.CLEAR, questions.EXACT,
        numbers.UNIFORM, sent.POOLED, numbers.OF_TENSORS, [*numbers.OF_MATRICES], [*numbers.NUMBERS],
    ]  # fmt: skip


def test_their_names_are_not_those_of_the_pages_scripts() -> None:
    """In one scope the later of two functions would silently be both."""

    def names(script: str) -> list[str]:
        return re.findall(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", script, re.MULTILINE)

    own = names(NUMBERS_JS)
    assert len(own) == len(set(own)) > 60
    theirs = {
        name
        for file in PACKAGE.rglob("*.js")
        if file.relative_to(PACKAGE).as_posix() not in FILES
        for name in names(file.read_text("utf-8"))
    }
    assert not theirs & set(own)


@pytest.mark.parametrize("slug", CLASS_SETS)
def test_classes_have_their_colours(worker: Worker, slug: str) -> None:
    named = [name.en for name in CLASS_SETS[slug].names]
    spelt = [name.upper().replace(" ", "-") for name in named]
    others = [*named[:-1], "something else"]
    for names in (named, spelt, others, None):
        found = worker.page.evaluate("([count, names]) => coloursOf(count, names)", [len(named), names])
        assert found == [*classes_of(len(named), names).colours]
