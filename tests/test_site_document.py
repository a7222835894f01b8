"""docs/site.md and deploy/pages.yml: their commands are commands, their addresses are read, the workflow publishes what it makes."""

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from conftest import Case
from test_teaching import Accepted, accepted

from topformer_viz.__main__ import main
from topformer_viz.app.explorer.state import ADDRESS
from topformer_viz.app.site.file import POLICY
from topformer_viz.app.site.words import PAGES
from topformer_viz.network.choices import MODELS
from topformer_viz.network.samples import SAMPLES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "site.md").read_text("utf-8")
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / "deploy" / "pages.yml").read_text("utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
RUN = [step["run"] for step in STEPS if "run" in step]
SITE = re.compile(r"python -m topformer_viz (site .*)")


@pytest.mark.parametrize("command", SITE.findall("\n".join([DOCUMENT, *RUN])))
def test_a_command_writes_what_it_names(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command, comments=True)) == 0
    (made,) = tmp_path.iterdir()
    megabytes = sum(file.stat().st_size for file in ([made] if made.is_file() else made.iterdir())) / 1e6
    said = re.search(r"#.* ([\d.]+) MB", command)
    assert said is None or megabytes == pytest.approx(float(said[1]), abs=0.15)


def takes(page: str, asked: dict[str, str], case: Case) -> Accepted:
    """What a page of the site reads of such an address, and the values that it takes."""
    if page == "basics":
        return accepted("lab", {**asked, "part": "basics"}, case)
    if page == "door":
        explorer = accepted("explorer", asked, case)
        return explorer | {"token": explorer["query"]}
    return accepted(page, asked, case)


@pytest.mark.parametrize("address", re.findall(r"#(\w+\?[^`\s\"]+)", DOCUMENT))
def test_an_address_is_one_that_the_page_reads(address: str, tiny: Case) -> None:
    page, _, said = address.partition("?")
    assert page in (*PAGES, "basics")
    asked = dict(parse_qsl(said, strict_parsing=True))
    read = takes(page, asked, tiny)
    assert not {name: value for name, value in asked.items() if value not in read.get(name, set())}


def test_the_table_of_addresses_is_complete() -> None:
    rows = {
        name.strip("`#"): re.findall(r"`([\w-]+)(?:=1)?`", told)
        for name, told in re.findall(r"^\| (all|`#\w+`) \| (.*) \|$", DOCUMENT, re.MULTILINE)
    }
    assert rows.keys() == {"all", *PAGES, "basics"}
    assert {*rows["explorer"]} == ADDRESS.keys()
    every = re.search(r"^\| all \|.*", DOCUMENT, re.MULTILINE)
    assert every and all(slug in every[0] for slug in SAMPLES)
    assert all(slug.removesuffix("-batch") in every[0] for slug in MODELS)


def test_what_a_host_must_allow_is_what_the_page_allows_itself() -> None:
    told = " ".join(re.findall(r"`((?:[\w-]+-src|'wasm)[^`]*)`", DOCUMENT))
    policy = {part.split()[0]: part.split()[1:] for part in POLICY.format(fetched="'self'").split("; ")}
    for name in ("script-src", "worker-src", "style-src", "img-src", "font-src", "connect-src"):
        assert name in told
        assert all(source in told for source in policy[name])


def test_the_workflow_publishes_what_it_makes() -> None:
    (command,) = SITE.findall("\n".join(RUN))
    (upload,) = (step for step in STEPS if step.get("uses", "").startswith("actions/upload-pages-artifact@"))
    assert shlex.split(command)[-2:] == ["--out", upload["with"]["path"]]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in STEPS if "uses" in step)
    assert WORKFLOW["permissions"] == {}
    assert [job["permissions"] for job in WORKFLOW["jobs"].values()] == [
        {"contents": "read"}, {"pages": "write", "id-token": "write"},
    ]  # fmt: skip
