"""Which of the bundled fonts a browser loads: everyone's first load stays small."""

from collections.abc import Callable

import pytest
from browsing import noise, put_in
from playwright.sync_api import Page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_only_who_meets_a_further_character_loads_the_large_file(visit: Callable[..., Page], lang: str) -> None:
    page = visit(f"lesson?lang={lang}")
    status = "(name) => [...document.fonts].find((face) => face.family.includes(name)).status"
    page.wait_for_function(f"({status})('words') === 'loaded'")
    assert page.evaluate(status, "names") == "unloaded"
    put_in(page, noise(320, 256), "北京故宫樱花 臺北.jpg")
    page.wait_for_function(f"({status})('names') === 'loaded'")
