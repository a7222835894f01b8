"""The reading of images in the browser, beside Python's: the same sizes, the same levels, the same reasons for refusing a file."""

import base64
import json
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from corpus import HEIC, HOSTILE, chunk, encode, picture, raw_png, sound
from handing import host
from PIL import Image, ImageCms

from topformer_viz.app.canvas.wire import scripts
from topformer_viz.network import images
from topformer_viz.network.images import ImageError, open_image, own_size
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.samples import open_sample
from topformer_viz.paths import NETWORK

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES_JS = scripts(NETWORK, "tensors.js", "kernels.js", "images.js", "input.js")
# Bytes are handed over and come back in base64; what cannot be opened is told as [reason, values].
ENDS = """
const bytesOf = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
const textOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength).toBase64();
const told = ({ data, width, height }) => [width, height, textOf(data)];
let kernels; // by name; without a name, those that are taken where none are given
const end = (blob, name) => openImage(blob, kernels?.[name]).then(told, (error) => {
  if (error instanceof ImageError) return [error.reason, error.values];
  throw error;
});
"""
ONLY_SOME_BROWSERS = ("HEIC", "TIFF")
Opened = np.ndarray | tuple[str, dict[str, int]]


@pytest.fixture(scope="module")
def blank(browser: "Browser") -> "Iterator[Page]":
    page = host().page(browser)
    page.add_script_tag(content=PICTURES_JS + ENDS)
    opening = "async (data) => (kernels = { wasm: await WasmKernels.open(await bytesOf(data)), plain: new PlainKernels() }) && null"
    page.evaluate(opening, hand((NETWORK / "kernels.wasm").read_bytes()))
    yield page
    page.close()


hand = host().hand


def levels(told: list[Any]) -> np.ndarray:
    """(H, W, 3) of what a script told; everything is opaque."""
    rgba = np.frombuffer(base64.b64decode(told[2]), np.uint8).reshape(told[1], told[0], 4)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3]


def ending(told: list[Any]) -> Opened:
    return levels(told) if len(told) == 3 else (told[0], told[1])


def opened(page: "Page", data: bytes, kernels: str | None = None) -> Opened:
    return ending(
        page.evaluate("async ([data, name]) => end(new Blob([await bytesOf(data)]), name)", [hand(data), kernels])
    )


def expected(data: bytes) -> Opened:
    try:
        return np.asarray(open_image(data, reduced=True))
    except ImageError as error:
        return error.reason, error.values


def rgba(image: Image.Image) -> str:
    return hand(image.convert("RGBA").tobytes())


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def scene(width: int, height: int) -> Image.Image:
    """As detailed as a photograph: waves of all lengths, and edges."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [128 + 80 * np.sin(x * y / (3000 * k)) + 40 * np.sign(np.sin(x / (17 * k))) for k in (1, 2, 3)]
    return Image.fromarray(np.stack(waves, -1).clip(0, 255).astype(np.uint8))


def oriented(image: Image.Image, format: str, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, format, exif=exif, **options)


# Sizes


def test_sizes_for_the_network_are_pythons(blank: "Page") -> None:
    sides = [*np.random.default_rng(1).integers(1, 3000, (100, 2)).tolist(), [1, 1], [512, 512], [2000, 100], [1, 3000]]
    cases = [[w, h, short, most] for w, h in sides for short in (1, 64, 95, 500, 512, 1024) for most in (1, 7, 96, 512)]
    actual = blank.evaluate("(cases) => cases.map((sides) => networkSize(...sides))", cases)
    assert actual == [list(network_size(*case)) for case in cases]
    assert blank.evaluate("networkSize(640, 427)") == [768, 512]


@pytest.mark.parametrize("arguments", [(0, 5), (5, -1), (5, 5, 0), (5, 5, 512, 0)])
def test_a_size_of_nothing_is_refused(blank: "Page", arguments: tuple[int, ...]) -> None:
    said = blank.evaluate(
        "(sides) => { try { return networkSize(...sides); } catch (error) { return error.message; } }", list(arguments)
    )
    assert "at least 1" in said


def test_the_size_that_is_kept_is_pythons(blank: "Page") -> None:
    sides = np.random.default_rng(2).integers(2, 9000, (2000, 2)).tolist()
    actual = blank.evaluate("(sides) => sides.map(([w, h]) => ownSize(w, h))", sides)
    assert actual == [list(own_size(*pair)) for pair in sides]


# Scaling


KERNELS = ("wasm", "plain")


def scaled(page: "Page", image: Image.Image, width: int, height: int, kernels: str) -> np.ndarray:
    picture = [rgba(image), image.width, image.height, width, height, kernels]
    script = """async ([data, width, height, w, h, name]) =>
      told(lanczos({ data: new Uint8ClampedArray((await bytesOf(data)).buffer), width, height }, w, h, kernels[name]))"""
    return levels(page.evaluate(script, picture))


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("slug", ["cat", "street"])  # made larger, made smaller
def test_samples_are_scaled_for_the_network_as_pillow_scales_them(blank: "Page", slug: str, kernels: str) -> None:
    image = open_sample(slug)
    size = network_size(*image.size)
    assert np.array_equal(
        scaled(blank, image, *size, kernels), np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    )


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((61, 47), (61, 47)), ((61, 47), (61, 20)), ((61, 47), (20, 47)), ((61, 47), (200, 191)), ((61, 47), (7, 200)),
        ((300, 2), (11, 2)), ((2, 300), (2, 1)), ((97, 89), (96, 88)), ((2, 2), (64, 64)), ((500, 300), (1, 1)),
        ((801, 1001), (403, 507)), ((997, 1203), (1011, 1300)),  # in several strips
    ],
)  # fmt: skip
def test_any_size_is_scaled_to_any_other_as_pillow_does(
    blank: "Page", before: tuple[int, int], after: tuple[int, int], kernels: str
) -> None:
    for image in (noise(*before), noise(*before).point(lambda level: 255 * (level > 127))):
        expected = np.asarray(image.resize(after, Image.Resampling.LANCZOS))
        assert np.array_equal(scaled(blank, image, *after, kernels), expected)


def test_resizing_leaves_what_a_pass_computed_and_takes_little_memory(blank: "Page") -> None:
    kept, before, after = blank.evaluate(
        """async (data) => {
      const wasm = await WasmKernels.open(await bytesOf(data)), pass = () => wasm.array(1000).fill(7), before = wasm.memory.byteLength;
      const large = { data: new Uint8ClampedArray(4 * 2000 * 4000).fill(9), width: 2000, height: 4000 };
      lanczos(large, 500, 1000, wasm);
      const after = wasm.memory.byteLength;
      wasm.grow(after + 1_000_000);
      await wasm.begin(pass);
      const numbers = pass();
      lanczos(large, 500, 1000, wasm);
      return [numbers.length === 1000 && numbers.every((number) => number === 7), before, after];
    }""",
        hand((NETWORK / "kernels.wasm").read_bytes()),
    )
    assert kept
    assert before < after < before + 3_000_000


def test_the_tensor_is_pytorchs_to_the_bit(blank: "Page") -> None:
    image = noise(64, 48, 3)
    assert all(len(np.unique(channel)) == 256 for channel in np.asarray(image).reshape(-1, 3).T)
    shape, data = blank.evaluate(
        """async ([data, width, height]) => {
      const { shape, data: numbers } = toTensor({ data: await bytesOf(data), width, height });
      return [shape, textOf(new Uint8Array(numbers.buffer))];
    }""",
        [rgba(image), 64, 48],
    )
    assert shape == [3, 48, 64]
    assert base64.b64decode(data) == to_tensor(image)[0].numpy().tobytes()


# Formats


@pytest.mark.parametrize("name", sound())
def test_a_sound_file_gives_pythons_levels(blank: "Page", name: str) -> None:
    data = sound()[name]
    actual, known = opened(blank, data), expected(data)
    for format in ONLY_SOME_BROWSERS:
        if format in name:
            assert actual == ("unreadable here", {"format": format})
            return
    assert isinstance(actual, np.ndarray)
    assert isinstance(known, np.ndarray)
    assert actual.shape == known.shape
    assert np.abs(actual.astype(int) - known).max() <= (1 if name == "16-bit PNG" else 0)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        *(("JPEG", {"quality": 85, "subsampling": sampling, "progressive": sampling == 2}) for sampling in (0, 1, 2)),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 85}),
        ("AVIF", {"quality": 85, "speed": 10}),
        ("GIF", {}),
        ("BMP", {}),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_detail_is_pythons_to_the_bit(blank: "Page", format: str, options: dict[str, Any], mode: str) -> None:
    data = encode(scene(401, 299).convert(mode), format, **options)
    assert np.array_equal(opened(blank, data), expected(data))


@pytest.mark.parametrize(
    ("format", "orientation"),
    [*(("JPEG", n) for n in range(1, 9)), *((format, n) for format in ("PNG", "WEBP", "AVIF", "MPO") for n in (5, 8))],
)
def test_every_orientation_is_made_upright_once(blank: "Page", format: str, orientation: int) -> None:
    data = oriented(picture(), format, orientation, quality=90)
    assert np.array_equal(opened(blank, data), expected(data))


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_a_turned_photograph_is_scaled_before_it_is_turned(blank: "Page", orientation: int) -> None:
    data = oriented(scene(1500, 1300), "JPEG", orientation)
    actual = opened(blank, data)
    assert isinstance(actual, np.ndarray)
    assert sorted(actual.shape) == [3, 1024, 1181]
    assert np.array_equal(actual, expected(data))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_metadata_does_not_spoil_an_image(blank: "Page", format: str) -> None:
    for exif in (
        b"Exif\0\0II*\0\xff\xff\xff\x7f\1",
        b"Exif\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x09\1\x12\0\3\0\0\0\1\0\7",
    ):
        data = encode(picture(), format, exif=exif, quality=95)
        assert np.array_equal(opened(blank, data), expected(data))


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_every_level_at_every_opacity_lies_on_white_as_in_python(blank: "Page", format: str) -> None:
    alpha, level = np.mgrid[0:256, 0:256].astype(np.uint8)
    image = Image.fromarray(np.stack([level, 255 - level, level // 2, alpha], -1))
    data = encode(image, format, lossless=True, exact=True)
    assert np.array_equal(opened(blank, data), expected(data))


def test_a_transparent_palette_or_colour_is_white(blank: "Page") -> None:
    colours = picture().quantize(8)
    for data in (
        encode(colours, transparency=1),
        encode(colours, transparency=bytes([0, 255, 51])),
        encode(colours, "GIF", transparency=1),
        encode(picture(), transparency=(200, 30, 30)),
        encode(picture().convert("L"), transparency=255),
    ):
        assert np.array_equal(opened(blank, data), expected(data))


# Large ones


@pytest.mark.parametrize(
    ("size", "format", "options"),
    [((4032, 3024), "JPEG", {"quality": 80}), ((1900, 1700), "PNG", {"compress_level": 1}), ((1500, 1700), "WEBP", {"method": 0})],
)  # fmt: skip
def test_a_photograph_is_reduced_to_the_bit(
    blank: "Page", size: tuple[int, int], format: str, options: dict[str, Any]
) -> None:
    data = encode(scene(*size), format, **options)
    known = expected(data)
    for kernels in KERNELS:
        assert np.array_equal(opened(blank, data, kernels), known)


@pytest.mark.parametrize("without", ["VideoFrame", "OffscreenCanvas"])
def test_a_jpeg_is_read_from_a_video_frame_or_else_from_a_canvas(blank: "Page", without: str) -> None:
    script = """async ([data, without]) => {
      const bytes = await bytesOf(data), own = window[without];
      window[without] = class { constructor() { throw new Error("it is used"); } };
      if (without === "VideoFrame") delete window[without];
      return end(new Blob([bytes])).finally(() => (window[without] = own));
    }"""
    for side in (64, 3200):
        data = encode(scene(side, side), "JPEG")
        assert np.array_equal(ending(blank.evaluate(script, [hand(data), without])), opened(blank, data, "wasm"))


@pytest.mark.parametrize("size", [(3201, 3301), (6003, 2201)])
def test_a_larger_jpeg_is_reduced_nearly_as_its_decoder_would(blank: "Page", size: tuple[int, int]) -> None:
    data = encode(open_sample("street").resize(size, Image.Resampling.BICUBIC), "JPEG", quality=80)
    actual, known = opened(blank, data), expected(data)
    assert isinstance(actual, np.ndarray)
    assert isinstance(known, np.ndarray)
    assert actual.shape == known.shape
    assert np.abs(actual.astype(int) - known).mean() < 0.5


# Colour profiles


def profile(primaries: tuple[tuple[float, float, float], ...], gamma: float | None = None) -> bytes:
    """sRGB's profile with other primaries (X, Y, Z of red, green and blue) and, if given, a plain exponent."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    named = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True))
    for i in range(struct.unpack_from(">I", data, 128)[0]):
        name, at = struct.unpack_from(">4sI", data, 132 + 12 * i)
        if name in named:
            struct.pack_into(">3i", data, at + 8, *(round(value * 65536) for value in named[name]))
        elif gamma is not None and name in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">4sIIH", data, at, b"curv", 0, 1, round(gamma * 256))
    return bytes(data)


PROFILES = {
    "Display P3": profile(((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))),
    "Adobe RGB": profile(((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.2),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_colour_profile_is_followed(blank: "Page", format: str, name: str) -> None:
    image = open_sample("coffee").resize((300, 200))
    data = encode(image, format, icc_profile=PROFILES[name], quality=90)
    actual, known, plain = opened(blank, data), expected(data), expected(encode(image, format, quality=90))
    assert isinstance(actual, np.ndarray)
    assert isinstance(known, np.ndarray)
    assert isinstance(plain, np.ndarray)
    assert np.abs(plain.astype(int) - known).mean() > 5
    assert np.abs(actual.astype(int) - known).mean() < 0.1
    assert np.abs(actual.astype(int) - known).max() <= 2


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_profile_that_is_broken_or_of_another_kind_is_passed_over(blank: "Page", mode: str) -> None:
    for broken in (b"no profile", PROFILES["Display P3"][:200], *([PROFILES["Display P3"]] if mode == "L" else [])):
        data = encode(picture().convert(mode), icc_profile=broken)
        assert np.array_equal(opened(blank, data), expected(data))


@pytest.mark.parametrize("said", [(b"gAMA", struct.pack(">I", 100_000)), (b"sRGB", b"\0"), (b"cICP", b"\x0c\x0d\0\1")])
def test_what_is_no_profile_changes_nothing(blank: "Page", said: tuple[bytes, bytes]) -> None:
    data = encode(scene(64, 48))
    data = data[:33] + chunk(*said) + data[33:]
    assert np.array_equal(opened(blank, data), expected(data))


# Refusals


def resized(data: bytes, mark: bytes, offset: int, layout: str, *sides: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(mark) + offset, *sides)
    return bytes(changed)


NEVER = """async (data) => {
  const bytes = await bytesOf(data), own = createImageBitmap;
  window.createImageBitmap = () => { throw new Error("something was decoded"); };
  return end(new Blob([bytes])).finally(() => (window.createImageBitmap = own));
}"""


def test_a_file_too_heavy_is_not_even_read(blank: "Page") -> None:
    script = "(size) => end(Object.assign(new Blob([new Uint8Array(size)]), { arrayBuffer: null }))"
    assert blank.evaluate(script, images.MAX_BYTES + 1) == ["too heavy", {}]
    assert blank.evaluate("(size) => end(new Blob([new Uint8Array(size)]))", images.MAX_BYTES) == ["unreadable", {}]


def test_limits_are_pythons(blank: "Page") -> None:
    names = ["MAX_BYTES", "MAX_PIXELS", "MAX_SCANS", "MIN_SIDE", "MAX_ASPECT", "CELL", "OWN_SIDE", "OWN_PIXELS", "MODERN_MAX_PIXELS"]  # fmt: skip
    assert blank.evaluate(f"[{', '.join(names)}]") == [getattr(images, name) for name in names]


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "51 MB of zeros"])
def test_what_strangers_send_ends_as_in_python(blank: "Page", name: str) -> None:
    make, ways = HOSTILE[name]
    data = make()
    actual = opened(blank, data)
    if isinstance(actual, tuple):
        if not any(format in name for format in ONLY_SOME_BROWSERS) or actual[0] != "unreadable here":
            assert actual[0] in ways
            known = expected(data)
            assert isinstance(known, tuple)
            assert known[1] == actual[1]
    else:
        assert actual.shape[1::-1] in ways
        known = expected(data)
        if isinstance(known, np.ndarray):
            assert np.array_equal(actual, known)


@pytest.mark.parametrize(
    ("make", "ending"),
    [
        (lambda: raw_png(8000, 5001, 8, 2, []), ["too large", {}]),
        (lambda: raw_png(60_000, 60_000, 8, 6, [bytes(4_000_000)]), ["too large", {}]),
        (lambda: raw_png(500, 1, 8, 2, []), ["too small", {"width": 500, "height": 1, "least": 2}]),
        (lambda: raw_png(2001, 100, 8, 2, []), ["too long", {"width": 2001, "height": 100, "aspect": 20}]),
        (lambda: resized(encode(picture(), "JPEG"), b"\xff\xc0", 5, ">HH", 9000, 9000), ["too large", {}]),
        (lambda: resized(encode(picture(), "GIF"), b"GIF", 6, "<HH", 9000, 9000), ["too large", {}]),
        (lambda: resized(encode(picture(), "GIF"), b",\0\0\0\0\x40", 1, "<HH", 60_000, 9000), ["too large", {}]),
        (lambda: resized(encode(picture(), "BMP"), b"BM", 18, "<ii", 9000, -9000), ["too large", {}]),
        (lambda: resized(encode(picture(), "WEBP"), b"\x9d\x01\x2a", 3, "<HH", 9000, 9000), "too large for its format"),
        (lambda: resized(encode(picture(), "AVIF"), b"ispe", 8, ">II", 9000, 9000), "too large for its format"),
        (lambda: resized(HEIC, b"ispe", 8, ">II", 9000, 9000), "too large for its format"),
        (HOSTILE["WebP, 8000 x 5000"][0], "too large for its format"),
        (HOSTILE["TIFF, 65,535 x 65,535"][0], ["too large", {}]),
        (HOSTILE["JPEG of 501 scans, 2000 x 2000"][0], ["too many scans", {"scans": 501}]),
    ],
)
def test_a_bomb_is_refused_before_anything_is_decoded(
    blank: "Page", make: Callable[[], bytes], ending: str | list[Any]
) -> None:
    assert blank.evaluate(NEVER, hand(make())) == (ending if isinstance(ending, list) else [ending, {}])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.02, 0.6, 0.995])
def test_half_a_file_is_refused_whatever_the_browser_would_make_of_it(blank: "Page", format: str, share: float) -> None:
    data = encode(noise(64, 48), format)
    data = data[: int(len(data) * share)]
    known = expected(data)
    reason, values = blank.evaluate(NEVER, hand(data))
    assert isinstance(known, tuple)
    assert {reason, known[0]} <= {"damaged", "unreadable"}
    assert values == {}


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_half_an_avif_file_is_refused(blank: "Page", share: float) -> None:
    data = encode(noise(64, 48), "AVIF")
    actual = opened(blank, data[: int(len(data) * share)])
    assert isinstance(actual, tuple)
    assert actual[0] in ("damaged", "unreadable")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "MPO", "HEIC"])
def test_any_damage_is_read_or_refused(blank: "Page", format: str) -> None:
    rng = np.random.default_rng(1)
    good = HEIC if format == "HEIC" else encode(picture().quantize(8) if format == "GIF" else picture(), format)
    for _ in range(60):
        data = np.frombuffer(good, np.uint8).copy()
        where = rng.integers(0, min(len(data), 600), rng.integers(1, 8))
        data[where] = rng.integers(0, 256, len(where))
        opened(blank, data.tobytes())  # which raises what is neither


# Where it runs


WORKER = """([data, before]) => new Promise((resolve, reject) => {
  const source = `${before}\\n${SCRIPTS}\\nonmessage = ({ data }) => end(new Blob([data])).then(postMessage, (error) => postMessage(error.message));`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.onerror = (event) => reject(new Error(event.message));
  worker.onmessage = ({ data }) => (worker.terminate(), resolve(data));
  bytesOf(data).then((bytes) => worker.postMessage(bytes), reject);
})""".replace("SCRIPTS", json.dumps(PICTURES_JS + ENDS))


def test_it_runs_in_a_worker(blank: "Page") -> None:
    for data in (oriented(scene(300, 200), "JPEG", 6), encode(picture().quantize(8), transparency=1)):
        assert np.array_equal(ending(blank.evaluate(WORKER, [hand(data), ""])), expected(data))
    assert blank.evaluate(WORKER, [hand(b"hello"), ""]) == ["unreadable", {}]


def test_what_a_page_decoded_becomes_a_picture_in_its_worker(blank: "Page") -> None:
    alpha = noise(64, 48, 5).convert("RGBA")
    alpha.putalpha(noise(64, 48, 6).convert("L"))
    for data in (oriented(scene(1500, 1300), "JPEG", 6), encode(alpha)):
        script = """(data) => new Promise(async (resolve, reject) => {
          const source = `${SCRIPTS}\\nonmessage = ({ data }) => pictureOf(data).then((picture) => postMessage(told(picture)));`;
          const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => (worker.terminate(), resolve(data));
          const found = await decodeImage(new Blob([await bytesOf(data)]));
          worker.postMessage(found, [found.image]);
        })""".replace("SCRIPTS", json.dumps(PICTURES_JS + ENDS))
        assert np.array_equal(ending(blank.evaluate(script, hand(data))), expected(data))


def test_a_worker_that_cannot_draw_says_so(blank: "Page") -> None:
    said = blank.evaluate(WORKER, [hand(encode(picture())), "delete self.OffscreenCanvas;"])
    assert said == "this browser cannot read images here: it has no OffscreenCanvas"
    said = blank.evaluate(WORKER, [hand(encode(picture())), "OffscreenCanvas.prototype.getContext = () => null;"])
    assert said == "this browser cannot read images here: OffscreenCanvas has no 2d context"


def test_a_page_does_without_an_offscreen_canvas(blank: "Page") -> None:
    data = encode(picture())
    script = """async (data) => {
      const bytes = await bytesOf(data), own = OffscreenCanvas;
      delete window.OffscreenCanvas;
      return end(new Blob([bytes])).finally(() => (window.OffscreenCanvas = own));
    }"""
    assert np.array_equal(ending(blank.evaluate(script, hand(data))), expected(data))
