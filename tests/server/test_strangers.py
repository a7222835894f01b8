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
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from corpus import HOSTILE, Case, encode, picture, raw_png, sound
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from serving import wait_for

from topformer_viz.network import images
from topformer_viz.network.images import OWN_PIXELS, OWN_SIDE, ImageError, open_image, own_size
from topformer_viz.network.samples import open_sample
from topformer_viz.server import reader, turns, visitors
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
        "from topformer_viz.network import images\nfrom topformer_viz.server import decoder\n"
        "decoder._limit()\n"
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
    with reader._reader._turns.take("", 0, lambda: True):
        assert outcome(SOUND["PNG"]) == "busy"
    assert outcome(SOUND["PNG"]) == (64, 48)


@linux
def test_gone_with_its_server() -> None:
    """A server that is killed leaves no process behind."""
    code = (
        "import sys, os\n"
        "from topformer_viz.server import reader\n"
        "reader.read_picture(sys.stdin.buffer.read())\n"
        "print(reader._reader._process.pid, flush=True)\n"
        "sys.stdin.readline(); os.kill(os.getpid(), 9)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid, _ = server.communicate(SOUND["PNG"])
    state = Path(f"/proc/{int(pid)}/stat")
    for _ in range(300):
        try:
            if state.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("it lives on")


# Visitors, in turn


class Desk(reader._Reader):
    """A reader whose files are words, on a clock of its own: a file takes 2 seconds, once the test lets it end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now = 0.0
        self.read_at: dict[bytes, float] = {}  # when the reading of each began
        self.here = set("abc")
        self._may_end = threading.Semaphore(0)
        self._who = threading.local()
        self._pool = ThreadPoolExecutor(10)
        monkeypatch.setattr(reader, "_reader", self)
        monkeypatch.setattr(reader, "time", self)
        monkeypatch.setattr(turns, "time", self)
        monkeypatch.setattr(turns, "LOOK", 0.01)
        monkeypatch.setattr(visitors, "STRANGERS", True)
        monkeypatch.setattr(visitors, "visitor", lambda: self._who.name)
        monkeypatch.setattr(visitors, "session", lambda: self._who.name)
        monkeypatch.setattr(visitors, "is_there", lambda session: not session or session in self.here)

    def monotonic(self) -> float:
        return self.now

    def _start(self) -> None:
        pass

    def _ask(self, data: bytes) -> Image.Image:
        self.read_at[data] = self.now
        assert self._may_end.acquire(timeout=60)
        self.now += 2
        return picture()

    def send(self, visitor: str, *files: bytes) -> list[Future[Image.Image]]:
        """Have these files of a visitor read; they are in line now, in this order."""

        def read(data: bytes) -> Image.Image:
            self._who.name = visitor
            return read_picture(data)

        sent = []
        for data in files:
            before = len(self._turns._line) + len(self.read_at)
            sent.append(self._pool.submit(read, data))
            wait_for(lambda before=before: len(self._turns._line) + len(self.read_at) > before)  # type: ignore[misc]
        return sent

    def end(self) -> None:
        """Let the file at work be done."""
        self._may_end.release()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(monkeypatch)
    yield made
    made.now += 10_000  # nobody waits on
    made._may_end.release(100)
    made._pool.shutdown()


def test_many_files_of_one_visitor_stand_before_nobody_else(desk: Desk) -> None:
    desk.send("a", b"a1", b"a2", b"a3", b"a4", b"a5", b"a6")
    (small,) = desk.send("b", b"b1")
    desk.end()
    wait_for(lambda: len(desk.read_at) == 2)
    assert list(desk.read_at) == [b"a1", b"b1"]
    desk.end()
    assert small.result(20).size == (64, 48)


def test_at_home_visitors_take_turns_but_nobody_rests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "STRANGERS", False)
    desk.send("a", b"1", b"2", b"3")
    desk.send("b", b"b1")
    for _ in range(4):
        desk.end()
    wait_for(lambda: len(desk.read_at) == 4)
    assert desk.read_at == {b"1": 0, b"b1": 2, b"2": 4, b"3": 6}


def test_after_a_slow_file_its_sender_waits(desk: Desk) -> None:
    """The next stands behind those who come later, and the reader rather rests than read it."""
    desk.send("a", b"a1", b"a2")
    desk.end()
    wait_for(lambda: desk.now == 2)
    for others in (b"b1", b"c1"):  # each comes when the one before is done, and a2 has waited for long
        (sent,) = desk.send(chr(others[0]), others)
        desk.end()
        sent.result(20)
    desk.now = 9.9
    (late,) = desk.send("", b"3")
    desk.end()
    late.result(20)
    wait_for(lambda: len(desk.read_at) == 5)
    assert desk.read_at == {b"a1": 0, b"b1": 2, b"c1": 4, b"3": 9.9, b"a2": 11.9}


def test_one_visitor_takes_a_fifth_of_the_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "WAIT", 1000)
    sent = desk.send("a", b"a1", b"a2")
    for _ in range(3):
        desk.end()
    sent[0].result(20)
    while desk.now < 100:
        if not sent[-1].done():
            desk.now += 0 if desk._turns._taken else 0.125
            time.sleep(0.01)
        elif len(sent) == 2:
            sent += desk.send("a", b"a3")  # which waits for the rest after a2 likewise
        else:
            break
    first, second, third = desk.read_at.values()
    assert second - first >= 10
    assert third - second >= 10


def test_who_has_left_loses_the_place(desk: Desk) -> None:
    desk.send("a", b"a1")
    (gone,) = desk.send("b", b"b1")
    desk.here.remove("b")
    with pytest.raises(ImageError, match="in time"):  # while a's is still being read
        gone.result(20)
    desk.send("c", b"c1")
    desk.end()
    wait_for(lambda: len(desk.read_at) == 2)
    assert list(desk.read_at) == [b"a1", b"c1"]


def test_who_waits_for_too_long_is_told(desk: Desk) -> None:
    desk.send("a", b"a1")
    (late,) = desk.send("b", b"b1")
    desk.now = reader.WAIT
    with pytest.raises(ImageError, match="in time"):
        late.result(20)
    assert not desk._turns._line


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
