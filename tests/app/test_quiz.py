"""The questions a class answers before it sees a stage: one right answer each, and it is what the run gives."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image
from test_payload import payload

from topformer_viz import STAGES, Trace, load_model, trace
from topformer_viz.app.canvas.markup import note_html
from topformer_viz.app.lesson.question import LiveQuestion, Question
from topformer_viz.app.lesson.quiz import LIVE, questions
from topformer_viz.app.lesson.quiz_shape import shape_question
from topformer_viz.network.initialise import with_batch_statistics
from topformer_viz.run.numbers import asked_of
from topformer_viz.run.questions import QUESTIONS
from topformer_viz.run.stages import Stage, Step, axes_of
from topformer_viz.run.walk import declared_of, sources_of, walk
from topformer_viz.words.text import Lang, Text


def asked(run: Trace, model: Any, name: str, block: int = 0, lang: Lang = "en") -> dict[str, Question]:
    """The questions about a traced name, by kind."""
    stage, sources, answers = declared_of(run, name, block), sources_of(run, name, block), asked_of(run, model)
    asking = questions(stage, name, sources, run.sizes, type(model), lang)
    filled = (q.filled(lang, answers, block) if isinstance(q, LiveQuestion) else q for q in asking)
    return {question.kind: question for question in filled if question is not None}


def right(question: Question) -> str:
    (answer,) = [option.text for option in question.options if option.correct]
    return answer


def names(run: Trace, block: int) -> list[str]:
    """Every traced name: the walk's, and the stages beyond it."""
    return [*walk(run, block).values(), *(name for name in run if re.match(r"gate|injected|class_scores", name))]


def test_every_stage_asks_for_its_own_shape(case) -> None:
    """The right answer is the tensor's shape; the others are other shapes, and say why."""
    for block in {0, case.model.num_blocks - 1}:
        for name in names(case.run, block):
            question = asked(case.run, case.model, name, block)["shape"]
            sizes = [f"{axis} {size}" for axis, size in zip(axes_of(name), case.run[name].shape, strict=True)]
            assert right(question) == f"`{' · '.join(sizes)}`"
            texts = [option.text for option in question.options]
            assert 3 <= len(texts) == len(set(texts)) <= 4
            assert all(option.reason for option in question.options)


def test_the_usual_mistakes_are_among_the_answers(tiny) -> None:
    expected = {
        "query": ["B 1 · heads 4 · key_dim 16 · HW 6", "B 1 · nh_kd 64 · H 2 · W 3", "B 1 · heads 4 · H 2 · W 3 · key_dim 16"],
        "key": ["B 1 · heads 4 · HW 6 · key_dim 16"],
        "scores": ["B 1 · heads 4 · HW 6 · key_dim 16 · HW 6", "B 1 · heads 4 · key_dim 16 · key_dim 16"],
        "value_map": ["B 1 · nh_kd 64 · H 2 · W 3"],
        "residual": ["B 1 · C 416 · H 2 · W 3"],
    }  # fmt: skip
    for name, shapes in expected.items():
        question = asked(tiny.run, tiny.model, f"block0.{name}")["shape"]
        assert {f"`{shape}`" for shape in shapes} <= {option.text for option in question.options if not option.correct}
    kept = next(o for o in asked(tiny.run, tiny.model, "block0.scores")["shape"].options if "key_dim 16 · HW" in o.text)
    assert kept.reason == "Here `key_dim` is still there. A matrix product sums over it."


def test_a_new_stage_brings_its_question(monkeypatch: pytest.MonkeyPatch, tiny) -> None:
    split = Stage(
        "by_head", Text("By head", "按头拆开"), ("merged",), (Step("split", "B heads d H W"),), "", Text("-", "-"), "maps"
    )  # fmt: skip
    monkeypatch.setitem(STAGES, "by_head", split)
    for lang in ("en", "zh"):
        question = shape_question(split, "by_head", ["block0.merged"], tiny.run.sizes, lang)  # type: ignore[arg-type]
        assert right(question) == "`B 1 · heads 4 · d 32 · H 2 · W 3`"
        assert len(question.options) >= 3
        again = shape_question(split, "by_head", ["block0.merged"], tiny.run.sizes, lang)  # type: ignore[arg-type]
        assert again == question


def test_both_languages_ask_the_same_and_use_no_other(case) -> None:
    for name in names(case.run, 0):
        english, chinese = (asked(case.run, case.model, name, lang=lang) for lang in ("en", "zh"))  # type: ignore[arg-type]
        assert list(english) == list(chinese)
        for kind, question in english.items():
            other = chinese[kind]
            assert [o.correct for o in question.options] == [o.correct for o in other.options]
            words = [question.prompt, *question.given, *(o.text + o.reason for o in question.options)]
            assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]|\{\w*\}", " ".join(words))
            assert re.search("[\u4e00-\u9fff]", other.prompt)
            assert all(re.search("[\u4e00-\u9fff]", o.reason) or "：" in o.reason for o in other.options)


def test_answers_are_those_of_the_run(colour) -> None:
    """Worked out here again from the run's tensors."""
    run, model = colour.run, colour.model
    found = {kind: q for name in LIVE for kind, q in asked(run, model, f"block0.{name}").items() if kind != "shape"}
    assert {"scale", "sums", "alike"} <= found.keys()
    weights, scores = run["block0.weights"][0], run["block0.scores"][0]
    spread = torch.special.entr(weights).sum(-1).exp().mean(-1)
    scaled = (scores / run.sizes["key_dim"] ** 0.5).softmax(-1)
    after = float(torch.special.entr(scaled).sum(-1).exp().mean())
    assert right(found["scale"]) == ("More" if after > float(spread.mean()) else "Fewer")
    assert f"{float(spread.mean()):.1f} effective tokens as it is, {after:.1f} with" in found["scale"].options[0].reason
    assert right(found["sums"]) == "Each row's"
    value, mixed = run["block0.value"].std(-2).mean(), run["block0.mixed"].std(-2).mean()
    assert right(found["alike"]) == "More alike" and mixed < value


def test_as_built_nothing_is_added_and_no_head_stands_out(photo: Callable[..., Image.Image]) -> None:
    model, picture = load_model("tiny"), photo(128, 192)
    run = trace(model, picture)
    assert list(asked(run, model, "block0.weights")) == [
        "sums",
        "shape",
    ]  # uniform: no head is more focused than another
    assert right(asked(run, model, "block0.weights")["sums"]) == "Both"
    assert right(asked(run, model, "block0.scores")["scale"]) == "As many"
    assert right(asked(run, model, "block0.projected")["branch"]) == "Exactly 0 everywhere"
    (given,) = asked(run, model, "block0.projected")["branch"].given
    assert "γ goes from 0 to 0, the bias from 0 to 0" in given
    measured = with_batch_statistics(model, run["image"])
    run = trace(measured, picture)
    question = asked(run, measured, "block0.weights")["focused"]
    spread = torch.special.entr(run["block0.weights"][0]).sum(-1).exp().mean(-1)
    assert right(question) == f"Head {int(spread.argmin()) + 1}"
    assert f"{float(spread.min()):.1f} effective tokens" in question.options[0].reason


def test_every_question_comes_with_what_its_answer_follows_from(case) -> None:
    """No answer has to be guessed. Of a shape: each size in it stands in a fact, or is worked out from two or more that do."""
    for name in names(case.run, 0):
        for kind, question in asked(case.run, case.model, name).items():
            assert question.given, (name, kind)
            if kind != "shape" or not name.startswith("block0."):
                continue
            told = {int(number) for number in re.findall(r"\d+", " ".join(question.given))}
            sizes = {int(number) for number in re.findall(r" (\d+)", right(question))}
            assert all(size in told or size in products(told) for size in sizes), (name, question.given)


def products(numbers: set[int]) -> set[int]:
    return {a * b for a in numbers for b in numbers}


def test_the_facts_lead_to_the_answer(tiny) -> None:
    """As a student would: from the facts alone."""
    run, model = tiny.run, tiny.model
    (facts,) = asked(run, model, "block0.activated")["become_zero"].given
    below = [float(number.replace("−", "-")) for number in re.findall(r"below (−?[\d.]+\d)", facts)]
    quarters = ["Up to a quarter", "A quarter to a half", "A half to three quarters", "More than three quarters"]
    assert (
        right(asked(run, model, "block0.activated")["become_zero"])
        == quarters[sum(quartile <= 0 for quartile in below)]
    )
    for block in range(model.num_blocks):
        question = asked(run, model, f"block{block}.weights", block).get("focused")
        if question:
            varied = [float(number) for number in re.findall(r"head \d+: ([\d.]+\d)", question.given[0])]
            assert [option.correct for option in question.options].index(True) == varied.index(max(varied))


def test_questions_travel_with_their_steps(case) -> None:
    """The same as Python asks, in markup."""
    for lang in ("en", "zh"):
        for n in {0, case.model.num_blocks - 1}:
            for stage, step in payload(case, n, lang).steps.items():  # type: ignore[arg-type]
                name = walk(case.run, n)[stage]
                expected = asked(case.run, case.model, name, n, lang)  # type: ignore[arg-type]
                assert [question["kind"] for question in step["quiz"]] == list(expected), stage
                assert "shape" in expected
                for question in step["quiz"]:
                    own = expected[question["kind"]]
                    assert question["live"] == own.live == (own.kind != "shape")
                    assert [option["correct"] for option in question["options"]] == [o.correct for o in own.options]
                    assert [option["correct"] for option in question["options"]].count(True) == 1
                    assert "`" not in question["prompt"] + "".join(option["text"] for option in question["options"])
                    said = [question["prompt"], *question["given"], *(o["reason"] for o in question["options"])]
                    words = [own.prompt, *own.given, *(o.reason for o in own.options)]
                    assert list(map(plain, said)) == [plain(note_html(text)) for text in words]
                    buttons = [option["text"] for option in question["options"]]
                    assert buttons == [note_html(option.text) for option in own.options]


def plain(html: str) -> str:
    return re.sub(r'<span class="tip".*?</span>|<[^>]*>', "", html)


def test_every_question_of_the_run_belongs_to_a_stage() -> None:
    assert sorted(QUESTIONS) == sorted(kind for kinds in LIVE.values() for kind in kinds)
