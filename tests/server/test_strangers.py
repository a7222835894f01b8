"""Strangers' files: whatever comes, the picture or one sentence; in a process that may die, and is replaced."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from corpus import HOSTILE, Case, encode, picture, raw_png, sound
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from topformer_viz.network import images
from topformer_viz.network.images import OWN_PIXELS, OWN_SIDE, ImageError, open_image, own_size
from topformer_viz.network.samples import open_sample
from topformer_viz.server import reader
from topformer_viz.server.reader import read_picture

ROOT = Path(__file__).resolve().parents[2]
SOUND = sound()

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which Linux has")
signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def process() -> int:
    """The number of the process that reads pictures now; it does read them."""
    assert outcome(SOUND["PNG"]) == (64, 48)
    assert reader._reader._process is not None
    return reader._reader._process.pid


def kilobytes(pid: int, name: str) -> int:
    """What /proc says of a process's memory."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def outcome(data: bytes) -> tuple[int, int] | str:
    """The size of the picture in these bytes, or the reason why there is none, said in one sentence a language."""
    try:
        image = read_picture(data)
    except ImageError as error:
        for sentence, end in ((error.text.en, "."), (error.text.zh, "。")):
            assert sentence.endswith(end) and sentence.count(end) == 1
            assert not set("{}\n") & set(sentence)
        return error.reason
    assert image.mode == "RGB" and not image.info
    assert min(image.size) <= OWN_SIDE and image.width * image.height <= OWN_PIXELS
    return image.size


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_file(case: Case) -> None:
    make, ways = case
    assert outcome(make()) in ways
    pid = process()  # and the next visitor has a picture
    if sys.platform == "linux":
        assert kilobytes(pid, "VmHWM") < 450_000
        assert kilobytes(pid, "VmRSS") < 120_000  # nothing of a large picture stays behind


@linux
def test_memory_has_an_end() -> None:
    """Were a picture to need more than the limit, whatever was foreseen, the process would not get it."""
    code = (
        "import sys\n"
        "from topformer_viz.network import images\nfrom topformer_viz.server import reader\n"
        "reader._limit()\n"
        "images.MAX_PIXELS *= 10\n"
        "try: images.open_image(sys.stdin.buffer.read())\n"
        "except images.ImageError as error: print(error.reason)"
    )
    data = raw_png(11_000, 11_000, 8, 2, [])
    done = subprocess.run([sys.executable, "-c", code], input=data, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.split(b"\n")[0] == b"too much memory"


# As the plain function


@pytest.mark.parametrize("format", SOUND)
def test_equals_the_plain_function(format: str) -> None:
    read, plain = read_picture(SOUND[format]), open_image(SOUND[format])
    assert read.size == plain.size
    assert read.tobytes() == plain.tobytes()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_truncated(share: float) -> None:
    for data in SOUND.values():
        assert outcome(data[: int(len(data) * share)]) in ((64, 48), (48, 64), "damaged", "unreadable")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture(), "JPEG", exif=exif)
    assert read_picture(data).tobytes() == open_image(data).tobytes()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "I;16"])
def test_large_picture_is_scaled_down(mode: str) -> None:
    photo = open_sample("crossing").resize((1840, 1150))
    image = (
        Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
        if mode == "I;16"
        else photo.convert(mode)
    )
    data = encode(image, "TIFF" if mode == "CMYK" else "PNG", compress_level=1)
    read, plain = read_picture(data), open_image(data)
    assert read.size == own_size(*plain.size) == (1638, 1024)
    scaled = plain.resize(read.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(read, float) - np.asarray(scaled, float)).mean() < 1


def test_own_size() -> None:
    assert own_size(768, 512) == (768, 512)
    assert own_size(8000, 5000) == (1638, 1024)
    assert own_size(1000, 20_000) == (323, 6476)
    assert own_size(2, 40) == (2, 40)
    for size in ((8000, 5000), (20_000, 1000), (1449, 1449), (5000, 5001)):
        width, height = own_size(*size)
        assert min(width, height) <= OWN_SIDE and width * height <= OWN_PIXELS


# The process


@signals
def test_killed_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow, killed by the system or crashed: one sentence each, and another process for the next picture."""
    for sent, reason in ((None, "too slow"), (signal.SIGKILL, "too much memory"), (signal.SIGSEGV, "damaged")):
        pid = process()
        os.kill(pid, signal.SIGSTOP)  # as a decoder that does not come back
        with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
            patch.setattr(reader, "SECONDS", 60 if sent else 1)
            answer = pool.submit(outcome, SOUND["JPEG"])
            try:
                if sent:
                    while not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()):
                        time.sleep(0.01)  # it is being asked
                    os.kill(pid, sent)
                    os.kill(pid, signal.SIGCONT)
                assert answer.result(timeout=60) == reason
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert process() != pid
    assert process() == process()


@signals
def test_killed_before_the_picture_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in the pipe's buffer can go to nobody any more, nor when the pipe is closed."""

    class Killing(reader._Alarm):
        def __enter__(self) -> reader._Alarm:
            self._process.kill()
            self._process.wait()
            return super().__enter__()

    process()
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_Alarm", Killing)
        assert outcome(SOUND["JPEG"]) == "too much memory"
    assert outcome(SOUND["PNG"]) == (64, 48)


@signals
def test_dead_between_two_pictures() -> None:
    os.kill(process(), signal.SIGKILL)
    assert reader._reader._process is not None
    reader._reader._process.wait()
    assert outcome(SOUND["PNG"]) == (64, 48)


def test_process_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = reader._Reader()
    monkeypatch.setattr(reader, "_reader", fresh)
    for executable in ("/nowhere/python", shutil.which("true") or sys.executable):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", executable)
            assert outcome(SOUND["PNG"]) == "busy"
    assert outcome(SOUND["PNG"]) == (64, 48)
    fresh._end()


def test_nonsense_from_the_other_process() -> None:
    """A process that a file has taken over can say what it likes: it is no picture, or one of the sentences."""

    def answer(header: bytes, body: bytes = b"") -> Callable[[], Image.Image]:
        return lambda: reader._receive(io.BytesIO(len(header).to_bytes(4, "little") + header + body))

    assert answer(b'{"size": [1, 1]}', b"abc")().getpixel((0, 0)) == (97, 98, 99)
    with pytest.raises(ImageError, match="empty"):
        answer(b'{"reason": "empty", "values": {}}')()
    for header in (b"", b"[]", b"{}", b'{"size": [9e9, 1]}', b'{"size": [2, 2]}', b'{"size": [-1, -1]}', b'{"size": "ab"}',
                   b'{"reason": "<b>", "values": {}}', b'{"reason": "too small", "values": {"width": "<b>"}}'):  # fmt: skip
        with pytest.raises((ValueError, KeyError, TypeError, EOFError)) as caught:
            answer(header, b"abc")()
        assert not isinstance(caught.value, ImageError)


def test_many_at_once() -> None:
    shades = [encode(Image.new("RGB", (300, 200), (shade, 0, 0)), "PNG") for shade in range(0, 250, 10)]
    with ThreadPoolExecutor(6) as pool:
        for shade, image in zip(range(0, 250, 10), pool.map(read_picture, shades), strict=True):
            assert image.getpixel((7, 7)) == (shade, 0, 0)


def test_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WAIT", 0)
    with reader._reader._turn:
        assert outcome(SOUND["PNG"]) == "busy"
    assert outcome(SOUND["PNG"]) == (64, 48)


@linux
def test_small_and_gone_with_its_server() -> None:
    """Neither PyTorch nor Streamlit is loaded, here or there; and a server that is killed leaves no process behind."""
    code = (
        "import sys, os\n"
        "from topformer_viz.server import reader\n"
        "reader.read_picture(sys.stdin.buffer.read())\n"
        "print(reader._reader._process.pid, bool({'torch', 'streamlit'} & set(sys.modules)), flush=True)\n"
        "sys.stdin.readline(); os.kill(os.getpid(), 9)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer, _ = server.communicate(SOUND["PNG"])
    pid, loaded = answer.split()
    assert loaded == b"False"
    state = Path(f"/proc/{int(pid)}/stat")
    for _ in range(300):
        try:
            if state.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("it lives on")


# Any bytes


def mutations(data: bytes) -> st.SearchStrategy[bytes]:
    """The file with some bytes changed, a piece repeated or left out, or its end cut off."""
    place = st.integers(0, len(data) - 1)

    def change(changes: list[tuple[int, int]], source: int, start: int, stop: int, end: int) -> bytes:
        changed = bytearray(data)
        for where, value in changes:
            changed[where] = value
        changed[start:stop] = changed[source : source + 40]
        return bytes(changed[: max(end, 12)])

    head = st.integers(0, min(len(data) - 1, 700))  # where the formats say how to read the rest
    changes = st.lists(st.tuples(st.one_of(head, place), st.integers(0, 255)), max_size=6)
    return st.builds(change, changes, place, st.just(len(data)) | place, place, st.just(len(data) + 40) | place)


@pytest.mark.parametrize("format", SOUND)
def test_any_change_of_a_sound_file(format: str) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(mutations(SOUND[format]), st.booleans())
    def read(data: bytes, reduced: bool) -> None:
        with contextlib.suppress(ImageError):
            assert open_image(data, reduced).mode == "RGB"

    with pytest.MonkeyPatch.context() as patch:
        for bound in ("MAX_PIXELS", "MODERN_MAX_PIXELS"):
            patch.setattr(images, bound, 1_000_000)  # that it may be quick
        read()
