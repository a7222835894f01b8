"""What a server installs: requirements.lock holds all that requirements.txt brings along, at one version each, with hashes."""

import re
from collections.abc import Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from test_deploy import ROOT

# PyTorch comes from the index of its build, and what it needs for CUDA with it.
OF_TORCH = re.compile("torch|triton|cuda-.*|nvidia-.*")
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PINNED = [Requirement(line) for line in re.findall(r"^([a-z0-9][^\\\n]*)", LOCK, re.MULTILINE)]
ASKED = [Requirement(line) for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line[0] != "#"]


def brought(asked: list[Requirement]) -> Iterator[Requirement]:
    """What these bring along on this machine, themselves among them."""
    seen, waiting = set(), [*asked]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement
            if (name := canonicalize_name(requirement.name)) not in seen:
                seen.add(name)
                waiting += map(Requirement, requires(name) or [])


def test_every_package_has_one_version_and_its_hashes() -> None:
    names = [requirement.name for requirement in PINNED]
    assert names == sorted({canonicalize_name(name) for name in names})
    for part in re.split(r"\n(?=[a-z0-9])", LOCK)[1:]:
        assert re.match(r"[a-z0-9-]+==[^=\s]+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", part), part[:200]
    assert not re.search("^-|index|find-links|://", LOCK, re.MULTILINE)  # no machine's own places


def test_it_holds_all_that_is_installed_with_what_is_asked_for() -> None:
    pinned = {requirement.name: requirement.specifier for requirement in PINNED}
    here = [(canonicalize_name(requirement.name), requirement.specifier) for requirement in brought(ASKED)]
    locked = [(name, asked) for name, asked in here if not OF_TORCH.fullmatch(name)]
    assert len({name for name, _ in locked}) > 40
    for name, asked in locked:
        (only,) = pinned[name]
        assert only.operator == "==" and asked.contains(only.version, prereleases=True), name
    assert "torch" in dict(here) and "torch" not in pinned


def test_servers_install_from_it_and_pytorch_last() -> None:
    for name in ("deploy/Dockerfile", "docs/deployment.md"):
        said = (ROOT / name).read_text("utf-8")
        lock, torch = (said.index(part) for part in ("--require-hashes -r requirements.lock", "$(grep '^torch=="))
        assert lock < torch and not re.search(r"install .*-r requirements\.txt", said), name
