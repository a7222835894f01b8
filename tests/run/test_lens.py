"""What the network would say if it stopped after a block, and what changes from one block to the next."""

from typing import Any

import pytest
import torch

from topformer_viz.run import whole
from topformer_viz.run.segmentation import SILENCED, segment, stopped, without
from topformer_viz.run.whole import COMPARED, LEAST, NAMED, Seen, changes


def test_before_the_blocks_after_each_and_at_last_the_segmentation_itself(tiny) -> None:
    seen = Seen(tiny.run, tiny.model)
    size = (160, COMPARED)
    assert [labels.shape for labels in seen.lens] == [size] * 5
    assert torch.equal(seen.lens[-1], segment(tiny.run["class_scores"], size).labels)
    assert torch.equal(seen.lens[0], segment(without(tiny.model, tiny.run, SILENCED["blocks"]), size).labels)
    for blocks in (1, 2, 3):
        assert torch.equal(seen.lens[blocks], segment(stopped(tiny.model, tiny.run, blocks), size).labels)
        assert not torch.equal(seen.lens[blocks], seen.lens[blocks - 1])


def test_it_is_worked_out_once_for_the_blocks_taken_out_as_well(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(whole, "stopped", lambda model, run, blocks: asked.append(blocks) or run["class_scores"])
    seen = Seen(tiny.run, tiny.model)
    assert seen.without("blocks") is seen.lens[0]
    for block in range(4):
        assert seen[f"lens block{block}"]["share"] == 0
    assert asked == [0, 1, 2, 3]  # and none after the last


def change(before: list[int], after: list[int], classes: int = 8) -> Any:
    """Of maps with so many image pixels of each class, one class after the other."""
    maps = (torch.arange(len(n)).repeat_interleave(torch.tensor(n))[None] for n in (before, after))
    return changes(*maps, classes)


def test_the_classes_whose_share_changes_most_come_first() -> None:
    assert change([50, 20, 20, 10], [45, 0, 30, 25]) == {
        "share": 0.4,  # 5 from 0, 20 from 1, 15 of the 20 from 2
        "classes": [
            {"class": 1, "before": 0.2, "after": 0.0},
            {"class": 3, "before": 0.1, "after": 0.25},
            {"class": 2, "before": 0.2, "after": 0.3},
        ],
        "others": 0.05,
    }


def test_of_equal_changes_the_first_classes_are_named() -> None:
    told = change([20] * 5, [30, 10, 30, 10, 20])
    assert [own["class"] for own in told["classes"]] == [0, 1, 2]
    assert told["others"] == 0.1


def test_classes_that_trade_places_change_no_share() -> None:
    told = changes(torch.tensor([[0, 1, 1]]), torch.tensor([[1, 0, 1]]), 2)
    assert told == {"share": 2 / 3, "classes": [], "others": 0.0}


def test_what_would_be_called_nothing_is_not_named() -> None:
    total = 10_000
    few = round(LEAST * total)
    assert change([total - few, few], [total, 0])["classes"] != []
    assert change([total - few + 1, few - 1], [total, 0])["classes"] == []


def test_all_it_says_is_the_maps(tiny) -> None:
    seen = Seen(tiny.run, tiny.model)
    for block in range(4):
        before, after = seen.lens[block : block + 2]
        told = seen[f"lens block{block}"]
        assert told["share"] == pytest.approx(float((before != after).double().mean()))
        moved = [abs(own["after"] - own["before"]) for own in told["classes"]]
        assert 0 < len(moved) <= NAMED
        assert moved == sorted(moved, reverse=True) and min(moved) >= told["others"]
        for own in told["classes"]:
            for name, labels in (("before", before), ("after", after)):
                assert own[name] == pytest.approx(float((labels == own["class"]).double().mean()))
