"""Images of rooms, and of places outdoors, told apart as kinds of their own in the folder of everyday photographs.

    python examples/places.py DATA OUT

Whoever outlined things in VOC and COCO left all else unlabelled, so a network takes bright walls for sky and streets for furniture.
rooms.txt and outdoors.txt name images of train that show the inside of a house, and the outdoors without any furniture: they were
looked through. OUT gets links to DATA's files and a splits.json in which these images' kinds end in "room" and "outdoors", and
more is surely absent.
"""

import json
import sys
from pathlib import Path

PLACES = {
    "room": ["sky", "road", "pavement", "grass", "water", "street furniture"],
    "outdoors": ["furniture"],
}  # and what is in none of them


def main(data: Path, out: Path) -> None:
    named = {
        place: Path(__file__).with_name(f"{place}.txt").read_text("utf-8").split() for place in ("rooms", "outdoors")
    }
    ends = dict.fromkeys(named["rooms"], "room") | dict.fromkeys(named["outdoors"], "outdoors")
    splits = json.loads((data / "splits.json").read_text("utf-8"))
    for folder, end in (("images", "webp"), ("labels", "png"), (splits["negative"]["folder"], "png")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for stem in splits["train"] + splits["val"]:
            if (file := data / folder / f"{stem}.{end}").is_file():
                (out / folder / f"{renamed(stem, ends)}.{end}").symlink_to(file.resolve())
    absent = splits["negative"]["absent"]
    kinds = {f"{kind}{place}": [*names, *more] for kind, names in absent.items() for place, more in PLACES.items()}
    splits["negative"]["absent"] = absent | kinds
    splits["partly_labelled"] += list(kinds)
    splits["train"] = [renamed(stem, ends) for stem in splits["train"]]
    (out / "splits.json").write_text(json.dumps(splits), "utf-8")


def renamed(stem: str, ends: dict[str, str]) -> str:
    kind, _, name = stem.partition("_")
    return f"{kind}{ends.get(stem, '')}_{name}"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
