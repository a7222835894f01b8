"""The notebook's outputs and the README's Python are what running them gives. To write the outputs anew:

python tests/test_examples.py
"""

import ast
import contextlib
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "examples" / "lesson.ipynb"
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")


def run_cell(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """A cell's outputs as a notebook stores them: what it printed, and what its last expression shows of itself."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())})
    for kind, method in (("text/html", "_repr_html_"), ("image/svg+xml", "_repr_svg_")):
        if hasattr(value, method):
            shown = {kind: lines(getattr(value, method)()), "text/plain": [f"<{type(value).__name__}>"]}
            outputs.append({"data": shown, "metadata": {}, "output_type": "display_data"})
    return outputs


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the outputs that its cells, run in order, give now."""
    names: dict[str, Any] = {}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for n, cell in enumerate(code, 1):
        cell |= {"execution_count": n, "outputs": run_cell("".join(cell["source"]), names)}
    return notebook


def words(outputs: list[dict[str, Any]]) -> list[str]:
    """What can be read in outputs: the same on every machine, but for the last figures of numbers."""
    read = []
    for output in outputs:
        for kind, text in {"text": output.get("text", []), **output.get("data", {})}.items():
            joined = "".join(text)
            if kind == "image/svg+xml":
                svg = ET.fromstring(joined)
                style = "{http://www.w3.org/2000/svg}style"
                read += [element.text or "" for element in svg.iter() if element.tag != style]
                read.append(" ".join(element.tag for element in svg.iter()))
            else:
                read.append(joined)
    return read


def test_the_notebook_shows_what_its_cells_give() -> None:
    stored = json.loads(NOTEBOOK.read_text("utf-8"))
    fresh = executed(json.loads(NOTEBOOK.read_text("utf-8")))
    shown = 0
    for old, new in zip(stored["cells"], fresh["cells"], strict=True):
        if old["cell_type"] == "code":
            assert old["execution_count"] == new["execution_count"]
            was, now = ("\n".join(words(cell["outputs"])) for cell in (old, new))
            assert NUMBER.sub("#", was) == NUMBER.sub("#", now)
            numbers = [[float(number) for number in NUMBER.findall(text)] for text in (was, now)]
            assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.002)
            shown += len(new["outputs"])
    assert shown == 5


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.jpg").write_bytes((ROOT / "topformer_viz" / "assets" / "samples" / "cat.jpg").read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)


if __name__ == "__main__":
    text = json.dumps(executed(json.loads(NOTEBOOK.read_text("utf-8"))), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(f"{text}\n", "utf-8")
