"""Places in words that only a run can fill: sayings, how their numbers are written, and what raises."""

import pytest

from topformer_viz.words.live import FORMATS, HERE, JOIN, NAME, Live, Words, in_words, key_of, say, texts_in
from topformer_viz.words.text import LANGS, Lang, Text

TEXTS = {
    "most": Text("{value:.1%} of it", "其中的 {value:.1%}"),
    "of_head": Text("head {n}: {value:.2f}", "头 {n}：{value:.2f}"),
    "vary": Text("They vary: {heads}.", "各不相同：{heads}。"),
    "goes": Text("from {low:signed} to {high:signed}", "从 {low:signed} 到 {high:signed}"),
    "spread": Text("{heads:.1f}, of {HW}", "{heads:.1f}，共 {HW}"),
    "moves": Text("{old:name} → {new:name}", "{old:name} → {new:name}"),
    "nothing": Text("Nothing.", "没有。"),
}


@pytest.mark.parametrize(
    ("answer", "english", "chinese"),
    [
        ({"say": "most", "value": 0.125}, "12.5% of it", "其中的 12.5%"),
        ({"say": "goes", "low": -1.2345e-10, "high": 1.125}, "from −1.23e−10 to 1.12", "从 −1.23e−10 到 1.12"),
        ({"say": "spread", "heads": [6.04, 5.96, 1.0], "HW": 6}, "6.0 · 6.0 · 1.0, of 6", "6.0 · 6.0 · 1.0，共 6"),
        (
            {"say": "vary", "heads": [{"say": "of_head", "n": n, "value": n / 8} for n in (1, 2)]},
            "They vary: head 1: 0.12, head 2: 0.25.",
            "各不相同：头 1：0.12、头 2：0.25。",
        ),
        (
            {"say": "vary", "heads": {"say": "most", "value": 1}},
            "They vary: 100.0% of it.",
            "各不相同：其中的 100.0%。",
        ),
        ({"say": "vary", "heads": []}, "They vary: .", "各不相同：。"),
        ({"say": "nothing", "more": "than is said"}, "Nothing.", "没有。"),
    ],
)
def test_a_saying_in_words(answer: dict[str, object], english: str, chinese: str) -> None:
    assert (say(answer, texts_in(TEXTS, "en")), say(answer, texts_in(TEXTS, "zh"))) == (english, chinese)


@pytest.mark.parametrize("name", ["{value}", "{old:name}", "a \\1 b", "$&", "<b>"])
def test_a_name_is_anybodys_and_nothing_in_it_is_a_place(name: str) -> None:
    texts = texts_in(TEXTS | {f"{NAME}0": Text(name, name), f"{NAME}7": Text("sky", "天空")}, "en")
    assert say({"say": "moves", "old": 0, "new": 7}, texts) == f"{name} → sky"


@pytest.mark.parametrize(
    "answer",
    [
        {"say": "most"}, {"say": "unheard of", "value": 1}, {"value": 1}, {"say": "goes", "low": 1}, {"say": "moves", "old": 0, "new": 1},
        {"say": "vary", "heads": [{"say": "of_head", "n": 1}]},
    ],
)  # fmt: skip
def test_what_a_text_needs_and_nobody_says_raises(answer: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        say(answer, texts_in(TEXTS, "en"))


def test_a_value_that_is_no_number_raises() -> None:
    with pytest.raises(TypeError):
        say({"say": "most", "value": None}, texts_in(TEXTS, "en"))


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (-0.5, "−0.5"), (1234.0, "1.23e+03"), (-2e-7, "−2e−7"), (float("-inf"), "−inf")]
)
def test_a_signed_number_has_the_minus_of_print(value: float, said: str) -> None:
    assert FORMATS["signed"](value) == said


def test_a_place_is_filled_for_the_block_on_show() -> None:
    place = Live("share", f"{HERE}.activated", {"most": TEXTS["most"]})
    assert place.key(2) == key_of("share", "block2.activated") == "share block2.activated"
    answers = {"share block0.activated": {"say": "most", "value": 0.5}, "share block1.activated": None}
    assert in_words(place, "en", answers, 0) == "50.0% of it"
    assert in_words(place, "en", answers, 1) is None
    with pytest.raises(KeyError):
        in_words(place, "en", answers, 2)


def test_words_with_places_and_without() -> None:
    words = Words(Text("Zeros: {share}.", "零：{share}。"), {"share": Live("share", HERE, {"most": TEXTS["most"]})})
    answers = {"share block3": {"say": "most", "value": 0.25}}
    assert words("en", answers, 3) == "Zeros: 25.0% of it."
    with pytest.raises(KeyError):
        words("en", {}, 3)
    assert Words(Text("A set {1, 2}.", "集合 {1, 2}。"))("en", {}, 0) == "A set {1, 2}."


@pytest.mark.parametrize("lang", LANGS)
def test_texts_may_be_marked_up_and_know_what_stands_between(lang: Lang) -> None:
    texts = texts_in(TEXTS, lang, str.upper)
    assert texts["nothing"] == TEXTS["nothing"](lang).upper()
    assert texts[JOIN] == {"en": ", ", "zh": "、"}[lang]
