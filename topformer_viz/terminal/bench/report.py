"""What the benchmarks found, with the machine they ran on: as text, as JSON, and as the document docs/performance.md."""

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from topformer_viz.paths import ROOT
from topformer_viz.terminal.bench.table import Table, verdict
from topformer_viz.terminal.chromium import find_chromium

Tables = Mapping[str, list[Table]]  # by benchmark


def to_json(tables: Tables) -> dict[str, Any]:
    """The tables with the machine, the day and the commit: everything the document is made from."""
    return {
        "machine": _machine(),
        "date": datetime.date.today().isoformat(),
        "commit": _said("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "tables": {name: [table.to_json() for table in some] for name, some in tables.items()},
    }


def from_json(results: Mapping[str, Any]) -> dict[str, list[Table]]:
    return {name: [Table.from_json(table) for table in some] for name, some in results["tables"].items()}


def text(tables: Tables) -> str:
    return "\n\n".join(table.text() for some in tables.values() for table in some)


def document(results: Mapping[str, Any]) -> str:
    """docs/performance.md, from what ``to_json`` gave."""
    tables = from_json(results)
    goals = [goal for some in tables.values() for table in some for goal in table.goals]
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items() if value is not None)
    commit = f" of {results['commit']}" if results["commit"] else ""
    parts = [
        "# Performance",
        "Every figure stands beside a baseline that was measured in the same run. Figures differ between machines; ratios "
        "carry over better. This page is written by `python -m topformer_viz bench --json docs/performance.json --docs "
        "docs/performance.md`; with `--from` for `--json` the words are written anew around the figures there are.",
        "A class that needs no more than the lesson, the explorer and the network needs none of the servers below: the file of [site.md](site.md) "
        "computes on every device for itself, so forty cost what one costs. `bench browser` measures it.",
        f"Measured on {results['date']}{commit}: {machine}.",
    ]
    if goals:
        parts += ["## Goals", "\n".join(f"- {goal.what}: {verdict(goal)}." for goal in goals)]
    for name, some in tables.items():
        for table in some:
            parts += [f"## {table.title}", table.markdown()]
            parts += [table.note] if table.note else []
        parts.append(f"`python -m topformer_viz bench {name}`")
    return "\n\n".join(parts) + "\n"


def _machine() -> dict[str, str | int | None]:
    """What the figures depend on; nothing that tells whose machine it is."""

    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (AttributeError, OSError, ValueError):  # only Unix tells
        memory = None
    chromium = find_chromium()
    browser = _said(chromium, "--version") if chromium else None
    return {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory": memory,
        "system": system,
        "Python": platform.python_version(),
        **{name: _version(name) for name in ("torch", "streamlit", "matplotlib")},
        "browser": browser and browser.partition(" built on")[0],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _said(*command: str) -> str | None:
    """What a command prints; None where there is no such command, or it fails."""
    try:
        return (
            subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=True).stdout.strip()
            or None
        )
    except (OSError, subprocess.CalledProcessError):
        return None
