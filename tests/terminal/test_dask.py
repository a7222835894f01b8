"""``export --dask``: the same files as without it, whatever becomes of single pictures; and what is said where it cannot be."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from topformer_viz.__main__ import main
from topformer_viz.figures.order import Order
from topformer_viz.network.weights import EVERYDAY
from topformer_viz.terminal.export import on_dask as module
from topformer_viz.terminal.export.on_dask import on_cluster

ROOT = Path(__file__).resolve().parents[2]
CAT = str(ROOT / "topformer_viz" / "assets" / "samples" / "cat.jpg")


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a scheduler with two workers, processes of one thread, that give a picture up at its first death."""
    import dask
    from distributed import LocalCluster

    monkeypatch.setitem(
        sys.modules, "__main__", ModuleType("__main__")
    )  # or the workers would run AppTest's page again
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as here,
    ):
        yield here.scheduler_address


def test_a_cluster_gives_what_one_process_gives(
    cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EVERYDAY, tmp_path / "mine.safetensors")
    monkeypatch.chdir(tmp_path)  # where the workers are not: no path of ours means anything to them
    Path("broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (90, 70), "red").save("CAT.png")
    command = ["export", CAT, "broken.jpg", "none.jpg", "CAT.png", "--stages", "image,weights", "--size", "64"]
    command += ["--model", "mine.safetensors", "--format", "svg,npz"]
    assert main([*command, "--out", "many", "--dask", cluster]) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[1] for line in err.strip().splitlines()] == [" broken.jpg", " none.jpg"]
    monkeypatch.setattr("topformer_viz.terminal.export.command.cores", lambda: 1)
    assert main([*command, "--out", "one"]) == 1
    assert capsys.readouterr() == (out.replace("many/", "one/"), err)
    assert len(files(Path("many"))) == 6 and files(Path("many")) == files(Path("one"))

    # Pictures are read as their turn comes, not all at once.
    told: list[object] = []
    jobs = [(f"{n}.png", f"late/{n}") for n in range(7)]
    for image, _ in jobs[:5]:
        Image.new("RGB", (64, 64)).save(image)
    order = Order(size=64, stages=("image",), formats=("png",))
    complaints = on_cluster(jobs, order, cluster, told.append)
    assert not next(complaints)
    for image, _ in jobs[5:]:
        Image.new("RGB", (64, 64)).save(image)
    assert list(complaints) == [""] * 6
    assert [str(file) for file in told] == [f"late/{n}/image.png" for n in range(7)]

    # A picture that ends the process which works on it.
    def deadly(image: str, *rest: object) -> module.Made:
        if image == "dead.jpg":
            os._exit(1)
        from topformer_viz.terminal.export.on_dask import _make

        return _make(image, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_make", deadly)
    shutil.copy(CAT, "dead.jpg")
    first, second = on_cluster([("0.png", "0"), ("dead.jpg", "1")], order, cluster, told.append)
    assert not first and second.startswith("dead.jpg: the workers at work on it were ended")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "http://127.0.0.1:8786"])
def test_where_no_scheduler_answers(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    assert main(["export", CAT, "--out", "never", "--dask", address]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"topformer-viz: no Dask scheduler answers at {address}: ") and "\n" not in said


def test_a_scheduler_without_workers(capsys: pytest.CaptureFixture[str]) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=None) as here:
        assert main(["export", CAT, "--out", "never", "--dask", here.scheduler_address]) == 1
    assert "has no workers" in capsys.readouterr().err


def test_without_dask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["export", CAT, "--out", "never", "--dask", "tcp://127.0.0.1:9"]) == 1
    assert capsys.readouterr().err == "topformer-viz: --dask needs Dask: pip install -e '.[dask]'\n"
