"""What the lesson's search can find."""

from topformer_viz.app.lab.page import PARTS
from topformer_viz.app.lesson.search import LAB, search_data
from topformer_viz.run.stages import GLOSSARY, STAGES


def test_everything_there_is_can_be_found_in_both_languages() -> None:
    assert list(LAB) == list(PARTS)
    for lang in ("en", "zh"):
        data = search_data(lang)  # type: ignore[arg-type]
        assert {entry["title"] for entry in data["glossary"]} == {word(lang) for word, _ in GLOSSARY.values()}  # type: ignore[arg-type]
        for stage in STAGES.values():
            also = data["titles"][stage.name.replace("{n}", "")]
            assert stage.title.en in also and stage.title.zh in also
