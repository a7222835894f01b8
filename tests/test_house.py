"""The house: which room may know which, what an import brings along, and that the face has what it promises."""

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import topformer_viz

PACKAGE = Path(topformer_viz.__file__).parent
ROOMS = ("words", "network", "run", "study", "figures", "server", "app", "terminal", "__main__")
FILES = {file.relative_to(PACKAGE.parent).with_suffix(""): file for file in sorted(PACKAGE.rglob("*.py"))}
MODULES = {".".join(path.parts): file for path, file in FILES.items() if path.name != "__init__"}
# What may be imported late: matplotlib and fontTools, by way of what draws, and what only some have. A panel shows itself in a notebook.
LATE = {"dask", "distributed", "playwright.sync_api", "topformer_viz"}
DRAWS = {
    f"topformer_viz.{name}"
    for name in (
        "figures.sheet",
        "figures.animation",
        "figures.worksheet",
        "app.lesson.takeaway",
        "app.explorer.file",
        "app.site.file",
    )
}


@cache
def imports(module: str) -> tuple[tuple[str, bool], ...]:
    """What a module imports, and whether late: inside a function."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    early = {id(node) for node in tree.body}

    def found() -> Iterator[tuple[str, bool]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, id(node) not in early) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in MODULES else str(node.module), id(node) not in early

    return tuple(found())


def own(module: str) -> set[str]:
    return {name for name, _ in imports(module) if name in MODULES}


def room(module: str) -> str:
    return module.split(".")[1]


def test_each_room_knows_only_those_before_it() -> None:
    against = [
        (module, name)
        for module in MODULES
        if room(module) in ROOMS
        for name in own(module)
        if room(name) in ROOMS and ROOMS.index(room(name)) > ROOMS.index(room(module))
    ]
    assert not against
    assert {room(module) for module in MODULES} == {*ROOMS, "paths"}
    server = {room(name) for module in MODULES if room(module) == "server" for name in own(module)}
    assert server <= {"words", "network", "server", "paths"}


def test_a_page_knows_no_other_page_but_the_lesson_its_guest_and_the_site_all_it_holds() -> None:
    pages = {
        module: module.split(".")[2:-1] for module in MODULES if room(module) == "app"
    }  # of the lab: a folder a part
    for module, page in pages.items():
        for name in own(module) & pages.keys():
            other = pages[name]
            if other == page[: len(other)] or page == other[: len(page)]:  # the same page, or the lab and a part of it
                continue
            assert (
                other == ["canvas"]
                or page == ["site"]
                or (other == ["frame"] and page != ["canvas"])
                or (page, other) == (["lesson"], ["explorer"])
            )


def test_no_import_goes_round() -> None:
    done: set[str] = set()

    def follow(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for name in own(module):
                follow(name, (*way, module))
            done.add(module)

    for module in MODULES:
        follow(module, ())


def test_only_what_draws_or_few_have_is_imported_late() -> None:
    late = {(module, name) for module in MODULES for name, is_late in imports(module) if is_late}
    odd = {
        pair for pair in late if pair[1].split(".")[0] not in sys.stdlib_module_names and pair[1] not in LATE | DRAWS
    }
    assert not odd
    assert {module for module, name in late if name == "topformer_viz"} == {"topformer_viz.figures.panel"}


def test_only_the_face_says_more_than_its_name() -> None:
    said = [path for path, file in FILES.items() if path.name == "__init__" and file.read_text("utf-8").strip()]
    assert [str(path.parent) for path in said] == ["topformer_viz"]


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)


def test_the_pictures_decoder_loads_neither_torch_nor_streamlit() -> None:
    run("import sys, topformer_viz.server.decoder; assert not {'torch', 'streamlit', 'matplotlib'} & set(sys.modules)")


def test_an_import_changes_nothing_and_a_start_waits_for_no_drawing_library() -> None:
    """In one process, as PyTorch takes seconds to import."""
    start = "topformer_viz.app.frame.page, topformer_viz.app.door.page, topformer_viz.app.lesson.page"
    modules = ", ".join(module for module in MODULES if room(module) != "__main__" and "bench" not in module)
    run(
        "import gc, sys, threading, torch; torch.set_num_threads(2)\n"
        "before = torch.get_num_threads(), threading.active_count()\n"
        f"import {start}\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"import {modules}\n"
        "assert (torch.get_num_threads(), threading.active_count()) == before and not gc.get_freeze_count()"
    )


def test_the_face_has_what_type_checkers_see() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    seen = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("topformer_viz")
        for alias in node.names
    }
    assert sorted(seen) == sorted(topformer_viz.__all__)
    for name, home in seen.items():
        assert getattr(topformer_viz, name) is pkgutil.resolve_name(home)
