"""Reading pictures, their size and tensor for the network, and the samples."""

import contextlib
import io
import struct
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from corpus import BLACK, BLUE, HEIC, RED, WHITE, encode, picture, raw_png, scan_bomb
from PIL import Image, ImageCms, ImageFile, ImageOps

from topformer_viz import paths
from topformer_viz.network import images, samples
from topformer_viz.network.images import ImageError, open_image
from topformer_viz.network.input import network_size, to_tensor
from topformer_viz.network.samples import SAMPLES, open_sample


def apart(image: Image.Image, expected: Image.Image) -> float:
    """Mean distance of the levels of two pictures of one size."""
    assert image.mode == expected.mode == "RGB"
    assert image.size == expected.size
    return float(np.abs(np.asarray(image, dtype=float) - np.asarray(expected, dtype=float)).mean())


def refusal(data: bytes) -> str:
    """The English sentence with which these bytes are refused."""
    with pytest.raises(ImageError) as caught:
        open_image(data)
    text = caught.value.text
    for sentence, end in ((text.en, "."), (text.zh, "。")):
        assert sentence.endswith(end)
        assert sentence.count(end) == 1
        assert "{" not in sentence
    assert str(caught.value) == text.en
    return text.en


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        pytest.fail("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


# Formats


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 2),
        ("JPEG", {"quality": 90, "progressive": True}, 4),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 4),
        ("AVIF", {"quality": 90}, 4),
        ("GIF", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 4),
    ],
)
def test_formats(format: str, options: dict, tolerance: float) -> None:
    assert apart(open_image(encode(picture(), format, **options)), picture()) <= tolerance


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic(brand: bytes) -> None:
    image = open_image(HEIC[:8] + brand + HEIC[12:])
    assert apart(image, picture().transpose(Image.Transpose.ROTATE_270)) < 4


def test_avif_of_the_general_brand() -> None:
    data = encode(picture(), "AVIF", quality=90)
    assert apart(open_image(data[:8] + b"mif1" + data[12:]), picture()) < 4


@pytest.mark.parametrize("format", ["GIF", "WEBP", "AVIF", "PNG", "TIFF", "MPO"])
def test_first_of_several_pictures(format: str) -> None:
    others = [Image.new("RGB", (64, 48), colour) for colour in ((0, 160, 0), (160, 160, 0))]
    data = encode(picture(), format, save_all=True, append_images=others)
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 3
    assert apart(open_image(data), picture()) < 5


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "MPO"])
def test_orientation(format: str, orientation: int) -> None:
    turned = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # the turn that undoes each
    exif = Image.Exif()
    exif[0x0112] = turned.get(orientation, 1)
    flat = Image.new("RGB", (64, 48))
    flat.paste(picture())
    flat.getexif()[0x0112] = turned.get(orientation, 1)
    stored = ImageOps.exif_transpose(flat)
    exif[0x0112] = orientation
    image = open_image(encode(stored, format, exif=exif, quality=90))
    assert apart(image, picture()) < 5
    assert not image.getexif()


def test_orientation_of_a_transparent_16_bit_or_palette_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = picture().transpose(Image.Transpose.ROTATE_90)
    grey = Image.fromarray(np.asarray(stored.convert("L")).astype(np.uint16) * 257)
    for image in (stored.convert("RGBA"), stored.quantize(8)):
        assert apart(open_image(encode(image, exif=exif)), picture()) < 2
    assert apart(open_image(encode(grey, exif=exif)), picture().convert("L").convert("RGB")) == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_ignored(format: str) -> None:
    data = encode(picture(), format, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f\1", quality=95)
    assert apart(open_image(data), picture()) < 4


# Modes


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_on_white(format: str, mode: str) -> None:
    image = Image.new("RGBA", (30, 10), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (10, 0, 20, 10))
    image.paste((0, 0, 0, 51), (20, 0, 30, 10))
    result = open_image(encode(image.convert(mode), format, lossless=True))
    assert [result.getpixel((x, 5)) for x in (5, 15, 25)] == [WHITE, BLACK, (204, 204, 204)]


def test_transparent_palette() -> None:
    image = Image.new("P", (30, 10), 0)
    image.putpalette([*BLACK, *RED, *BLUE])
    image.paste(1, (10, 0, 20, 10))
    image.paste(2, (20, 0, 30, 10))
    for data, expected in (
        (encode(image), [BLACK, RED, BLUE]),
        (encode(image, transparency=0), [WHITE, RED, BLUE]),
        (encode(image, transparency=bytes([0, 255, 51])), [WHITE, RED, (210, 216, 244)]),
        (encode(image, "GIF", transparency=1), [BLACK, WHITE, BLUE]),
    ):
        result = open_image(data)
        assert [result.getpixel((x, 5)) for x in (5, 15, 25)] == expected


def test_one_transparent_colour() -> None:
    grey = Image.new("L", (20, 10), 7)
    grey.paste(90, (10, 0, 20, 10))
    colour = Image.new("RGB", (20, 10), RED)
    colour.paste(BLUE, (10, 0, 20, 10))
    deep = Image.fromarray(np.full((10, 20), 25700, np.uint16))
    deep.paste(514, (10, 0, 20, 10))
    for data, expected in (
        (encode(grey, transparency=7), [WHITE, (90, 90, 90)]),
        (encode(colour, transparency=RED), [WHITE, BLUE]),
        (encode(deep, transparency=25700), [WHITE, (2, 2, 2)]),
    ):
        result = open_image(data)
        assert [result.getpixel((x, 5)) for x in (5, 15)] == expected


def test_16_bit_colour() -> None:
    row = struct.pack(">6H", 0x1234, 0xABCD, 0xFFFF, 0x0100, 0x8000, 0x7FFF)
    expected = [(0x12, 0xAB, 0xFF), (0x01, 0x80, 0x7F)]
    image = open_image(raw_png(2, 2, 16, 2, [row, row]))
    assert [image.getpixel((x, 1)) for x in (0, 1)] == expected
    image = open_image(raw_png(2, 2, 16, 2, [row, row], transparent=row[:6]))
    assert [image.getpixel((x, 1)) for x in (0, 1)] == [WHITE, expected[1]]
    row = struct.pack(">8H", 0x1234, 0xABCD, 0xFFFF, 0xFFFF, 0x0100, 0x8000, 0x7FFF, 0)
    image = open_image(raw_png(2, 2, 16, 6, [row, row]))
    assert [image.getpixel((x, 1)) for x in (0, 1)] == [expected[0], WHITE]
    row = struct.pack(">4H", 0x1234, 0xFFFF, 0, 0)
    image = open_image(raw_png(2, 2, 16, 4, [row, row]))
    assert [image.getpixel((x, 1)) for x in (0, 1)] == [(0x12,) * 3, WHITE]


def levels(values: np.ndarray, format: str = "TIFF") -> list[int]:
    """The grey levels of the first row of a picture stored with these values."""
    image = open_image(encode(Image.fromarray(values), format))
    pixels = np.asarray(image)
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey(format: str) -> None:
    row = np.array([0, 128, 129, 257, 32768, 65535])
    assert levels(np.tile(row, (2, 1)).astype(np.uint16), format) == [0, 0, 1, 1, 128, 255]


def test_16_bit_grey_of_the_other_byte_order() -> None:
    image = Image.frombytes("I;16B", (3, 2), struct.pack(">6H", *(0, 25700, 65535) * 2))
    assert np.asarray(open_image(encode(image, "TIFF")))[1, :, 0].tolist() == [0, 100, 255]


def test_32_bit_grey() -> None:
    assert levels(np.array([[0, 257, 65535]] * 2, np.int32)) == [0, 1, 255]
    assert levels(np.array([[0, 65536, 655360]] * 2, np.int32)) == [0, 26, 255]
    assert levels(np.array([[-100, 0, 300]] * 2, np.int32)) == [0, 64, 255]


def test_float_grey() -> None:
    assert levels(np.array([[0, 0.5, 1]] * 2, np.float32)) == [0, 128, 255]
    assert levels(np.array([[-3e38, 0, 3e38]] * 2, np.float32)) == [0, 128, 255]
    assert levels(np.array([[-np.inf, 0, 10, np.nan, np.inf]] * 2, np.float32)) == [0, 0, 255, 0, 255]
    assert levels(np.array([[np.nan, np.inf]] * 2, np.float32)) == [0, 255]
    assert levels(np.array([[7, 7]] * 2, np.float32)) == [0, 0]


def test_1_bit() -> None:
    image = Image.new("1", (20, 10), 1)
    image.paste(0, (10, 0, 20, 10))
    for format in ("PNG", "BMP", "TIFF", "GIF"):
        result = open_image(encode(image, format))
        assert [result.getpixel((x, 5)) for x in (5, 15)] == [WHITE, BLACK]


@pytest.mark.parametrize(
    ("mode", "format", "tolerance"),
    [("CMYK", "JPEG", 6), ("CMYK", "TIFF", 1), ("YCbCr", "TIFF", 2), ("LAB", "TIFF", 4)],
)
def test_other_colour_spaces(mode: str, format: str, tolerance: float) -> None:
    data = encode(picture().convert(mode), format)
    if format == "TIFF":
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == mode
    assert apart(open_image(data), picture()) <= tolerance


# Colour profiles


def wide_gamut_profile() -> bytes:
    """A made-up RGB profile: sRGB with its red and blue primaries exchanged, so that its effect is plain."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    for i in range(count):
        name = bytes(profile[132 + 12 * i : 136 + 12 * i])
        if name in (b"rXYZ", b"bXYZ"):
            profile[132 + 12 * i : 136 + 12 * i] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}[name]
    return bytes(profile)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_colour_profile_is_applied(format: str) -> None:
    red, green, blue = picture().split()
    data = encode(Image.merge("RGB", (blue, green, red)), format, icc_profile=wide_gamut_profile(), quality=90)
    image = open_image(data)
    assert apart(image, picture()) < 6
    assert not image.info


def test_colour_profile_with_transparency_and_palette() -> None:
    red, green, blue = picture().split()
    swapped = Image.merge("RGB", (blue, green, red))
    alpha = Image.new("L", swapped.size, 255)
    alpha.paste(0, (0, 0, 32, 24))
    clear = swapped.copy()
    clear.putalpha(alpha)
    expected = picture()
    expected.paste(WHITE, (0, 0, 32, 24))
    assert apart(open_image(encode(clear, icc_profile=wide_gamut_profile())), expected) < 2
    assert apart(open_image(encode(swapped.quantize(8), icc_profile=wide_gamut_profile())), picture()) < 2


def test_grey_colour_profile() -> None:
    """A made-up profile of linear grey, in which half the light is written 128, that is 188 in sRGB."""
    tags = [
        (b"wtpt", b"XYZ " + bytes(4) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)),
        (b"kTRC", b"curv" + bytes(4) + struct.pack(">IHH", 1, 0x0100, 0)),
    ]
    table, content = struct.pack(">I", len(tags)), b""
    for name, value in tags:
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(content), len(value))
        content += value
    header = bytearray(128)
    struct.pack_into(">I", header, 0, 128 + len(table) + len(content))
    header[8:12] = b"\x02\x40\0\0"
    header[12:24] = b"mntrGRAYXYZ "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    profile = bytes(header) + table + content
    for image in (Image.new("L", (4, 4), 128), Image.new("LA", (4, 4), (128, 255))):
        assert open_image(encode(image, icc_profile=profile)).getpixel((1, 1)) == (188, 188, 188)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
@pytest.mark.parametrize("profile", [b"no profile", wide_gamut_profile()[:200], b"\0" * 500])
def test_broken_profile_is_ignored(profile: bytes, mode: str) -> None:
    image = picture().convert(mode)
    format = "TIFF" if mode == "CMYK" else "PNG"
    plain = open_image(encode(image, format))
    assert apart(open_image(encode(image, format, icc_profile=profile)), plain) == 0


def test_profile_of_another_mode_is_ignored() -> None:
    grey = picture().convert("L")
    assert apart(open_image(encode(grey, icc_profile=wide_gamut_profile())), grey.convert("RGB")) == 0


# Broken files


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "HEIC"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_truncated(format: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = HEIC if format == "HEIC" else encode(Image.fromarray(noise), format)
    assert "damaged" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "MPO", "HEIC"])
def test_any_damage_is_read_or_refused(format: str) -> None:
    rng = np.random.default_rng(1)
    image = picture().quantize(8) if format == "GIF" else picture()
    good = HEIC if format == "HEIC" else encode(image, format)
    for _ in range(60):
        data = np.frombuffer(good, np.uint8).copy()
        where = rng.integers(0, min(len(data), 600), rng.integers(1, 8))
        data[where] = rng.integers(0, 256, len(where))
        with contextlib.suppress(ImageError):
            assert open_image(data.tobytes()).mode == "RGB"


@pytest.mark.parametrize("large", [False, True])
def test_a_heic_files_items_are_text(large: bool) -> None:
    """pi_heif would end the process. Before the items, a box with its length in 64 bits, too."""
    kind = HEIC.index(b"Exif", HEIC.index(b"infe"))
    data = HEIC[:kind] + b"Ex\x94f" + HEIC[kind + 4 :]
    first = int.from_bytes(HEIC[:4])
    free = struct.pack(">I4sQ", 1, b"free", 24) + bytes(8) if large else b""
    assert "damaged" in refusal(data[:first] + free + data[first:])


def test_a_heic_files_pixels_may_be_anything() -> None:
    """Not even what looks like an item that is no text spoils them; nor does one of version 3."""
    item = b"infe\3\0\0\0\0\0\0\7\0\0Ex\x94f"
    for kind, taken in ((b"mdat", True), (b"free", False)):
        box = struct.pack(">I4s", 12 + len(item), kind) + struct.pack(">I", 4 + len(item)) + item
        if taken:
            assert open_image(HEIC + box).mode == "RGB"
        else:
            assert "damaged" in refusal(HEIC + box)


def test_a_heic_files_box_that_would_end_beyond_all_numbers() -> None:
    assert open_image(HEIC + struct.pack(">I4sQ", 1, b"free", 2**64 - 1)).mode == "RGB"


def test_absurdly_many_boxes_of_a_heic_file_are_not_all_looked_at() -> None:
    for end in (struct.pack(">I4s", 8, b"free") * 20_000, struct.pack(">I4s", 0, b"free") + b"infe" * 20_000):
        assert "damaged" in refusal(HEIC + end)


def test_header_that_lies() -> None:
    """Where the format's own library fills missing rows, they stay filled; else the file is refused."""
    assert open_image(raw_png(300, 200, 8, 2, [bytes(900)] * 20)).size == (300, 200)
    jpeg = bytearray(encode(picture(), "JPEG"))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 480, 640)
    assert open_image(bytes(jpeg)).size == (640, 480)
    bmp = bytearray(encode(picture(), "BMP"))
    struct.pack_into("<ii", bmp, 18, 640, 480)
    webp = bytearray(encode(picture(), "WEBP"))
    struct.pack_into("<HH", webp, webp.index(b"\x9d\x01\x2a") + 3, 640, 480)
    heic = bytearray(HEIC)
    struct.pack_into(">II", heic, heic.index(b"ispe") + 8, 640, 480)
    for data in (bmp, webp, heic):
        assert "damaged" in refusal(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        bytes(1000),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>",
        b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        encode(picture(), "PPM"),
        encode(picture(), "TGA"),
        encode(picture(), "ICO"),
        encode(picture(), "PDF"),
        encode(picture(), "EPS"),
        encode(picture(), "JPEG2000"),
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    assert "not an image" in refusal(data)


def test_empty() -> None:
    assert "empty" in refusal(b"")


# Limits


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (8000, 5001, "40 megapixels"),
        (10_000, 10_000, "40 megapixels"),  # Pillow would warn
        (20_000, 20_000, "40 megapixels"),  # Pillow would raise
        (2**31 - 1, 2**31 - 1, "40 megapixels"),
        (1, 1, "1 × 1"),
        (500, 1, "500 × 1"),
        (1, 9, "1 × 9"),
        (2001, 100, "2001 × 100"),
        (3, 61, "3 × 61"),
    ],
)
def test_size_is_refused_before_decoding(width: int, height: int, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert message in refusal(raw_png(width, height, 8, 2, []))


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize("format", ["HEIC", "AVIF", "WEBP"])
def test_app_takes_fewer_pixels_of_formats_that_take_long(monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    assert 5712 * 4284 <= images.MODERN_MAX_PIXELS < images.MAX_PIXELS  # a telephone's
    data = HEIC if format == "HEIC" else encode(picture(), format)

    def ends(reduced: bool) -> str:
        with pytest.raises((ImageError, pytest.fail.Exception)) as caught:  # the second where pixels would be decoded
            open_image(data, reduced)
        return getattr(caught.value, "reason", "taken")

    monkeypatch.setattr(images, "MODERN_MAX_PIXELS", 64 * 48)
    assert (ends(True), ends(False)) == ("taken", "taken")
    monkeypatch.setattr(images, "MODERN_MAX_PIXELS", 64 * 48 - 1)
    assert (ends(True), ends(False)) == ("too large for its format", "taken")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48 // 2 - 1)  # Pillow refuses twice that
    assert (ends(True), ends(False)) == ("too large for its format", "too large")
    text = ImageError("too large for its format").text
    assert ("25 megapixels" in text.en, "2500 万像素" in text.zh) == (True, True)


@pytest.mark.parametrize("size", [(8000, 5000), (2, 2), (2, 40), (2000, 100)])
def test_size_at_the_limit_is_taken(size: tuple[int, int]) -> None:
    assert open_image(encode(Image.new("1", size))).size == size


def test_data_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(picture())
    monkeypatch.setattr(images, "MAX_BYTES", len(data))
    assert open_image(data).size == (64, 48)
    assert "50 MB" in refusal(data + b"\0")


@pytest.mark.usefixtures("no_decoding")
def test_scans_are_counted_before_decoding() -> None:
    assert "501 passes" in refusal(scan_bomb(2000, 2000, 501))


def test_pillows_state_is_left_alone() -> None:
    assert Image.MAX_IMAGE_PIXELS == 1024**3 // 4 // 3
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


# The network's input


def test_network_size() -> None:
    assert network_size(640, 427) == (768, 512)
    assert network_size(427, 640) == (512, 768)
    assert network_size(512, 512) == (512, 512)
    assert network_size(5, 5, short_side=1) == (64, 64)
    assert network_size(300, 100, short_side=95) == (192, 64)
    assert network_size(300, 100, short_side=96) == (384, 128)
    assert network_size(2000, 100, max_tokens=96) == (40 * 64, 2 * 64)
    assert network_size(2000, 100, max_tokens=7) == (7 * 64, 64)
    assert network_size(640, 427, max_tokens=96) == (768, 512)
    assert network_size(640, 427, max_tokens=95) == (10 * 64, 7 * 64)


@pytest.mark.parametrize("short_side", [64, 256, 500, 512, 1024])
@pytest.mark.parametrize("max_tokens", [None, 1, 3, 64, 200])
def test_network_size_everywhere(short_side: int, max_tokens: int | None) -> None:
    rng = np.random.default_rng(2)
    for width, height in rng.integers(2, 3000, (300, 2)).tolist():
        size = network_size(width, height, short_side, max_tokens)
        assert size == network_size(height, width, short_side, max_tokens)[::-1]
        columns, rows = size[0] // 64, size[1] // 64
        assert size == (columns * 64, rows * 64)
        assert min(columns, rows) >= 1
        if width != height:
            assert columns == rows or (columns > rows) == (width > height)
        short, long = sorted((columns, rows))
        exact = short * max(width, height) / min(width, height)
        if max_tokens is None:
            assert short == (short_side + 32) // 64
            assert abs(long - exact) <= 0.5
        else:
            assert columns * rows <= max_tokens
            assert short <= (short_side + 32) // 64
            if short > 1:
                assert abs(long - exact) <= 0.5
            if short < (short_side + 32) // 64:  # one step larger would not have fitted
                larger = (short + 1) * max(width, height) / min(width, height)
                assert (short + 1) * np.floor(larger + 0.5) > max_tokens


@pytest.mark.parametrize("arguments", [(0, 5), (5, -1), (5, 5, 0), (5, 5, 512, 0)])
def test_network_size_refuses_nonsense(arguments: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        network_size(*arguments)


def test_to_tensor() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    tensor = to_tensor(Image.fromarray(pixels))
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert tensor.shape == (1, 3, 48, 64)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    np.testing.assert_allclose(tensor[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_to_tensor_leaves_the_picture_alone() -> None:
    image = picture()
    to_tensor(image)
    assert apart(image, picture()) == 0


def test_to_tensor_refuses_other_modes() -> None:
    with pytest.raises(ValueError, match="RGB"):
        to_tensor(picture().convert("L"))


# Samples


@pytest.mark.parametrize("slug", SAMPLES)
def test_sample(slug: str) -> None:
    image = open_sample(slug)
    assert image.mode == "RGB"
    assert 256 <= min(image.size) <= max(image.size) <= 960
    sample = SAMPLES[slug]
    assert slug.isalnum()
    assert slug.islower()
    if sample.file is None:
        return
    file = paths.SAMPLES / sample.file
    with Image.open(file) as stored:
        assert stored.format == "JPEG"
        assert not (stored.getexif() or "icc_profile" in stored.info)
    # The same author and licence stand in the app and beside the files.
    (line,) = [
        line
        for line in (paths.SAMPLES / "CREDITS.md").read_text(encoding="utf-8").splitlines()
        if f"`{sample.file}`" in line
    ]
    author, licence, package = sample.credit.en.rsplit(", ", 2)
    assert author.split(" on ")[0].split(", ")[-1] in line
    assert licence in line
    assert package.removeprefix("via ") in line


def test_samples_are_complete() -> None:
    assert list(SAMPLES) == [
        "street",
        "crossing",
        "dog",
        "bedroom",
        "china",
        "astronaut",
        "cat",
        "coffee",
        "rocket",
        "card",
    ]
    files = {sample.file for sample in SAMPLES.values() if sample.file}
    assert files | {"CREDITS.md", "LICENSE.panoramax.txt"} == {path.name for path in paths.SAMPLES.iterdir()}
    with pytest.raises(ValueError, match=r"no sample '../../secret': choose from street, .*, card"):
        open_sample("../../secret")


def test_card_is_the_same_each_time() -> None:
    card = samples.draw_test_card()
    assert card.size == (768, 512)
    assert apart(card, samples.draw_test_card()) == 0
    assert samples.draw_test_card(300, 200).size == (300, 200)


def test_card_repeats_its_colours_and_is_not_symmetric() -> None:
    card = samples.draw_test_card()
    pixels = np.asarray(card).astype(int)

    def shapes(colour: tuple[int, int, int]) -> int:
        """How many separate stretches of columns hold at least a token's width of this colour."""
        columns = (np.abs(pixels - colour).max(axis=2) < 8).sum(axis=0) > 16
        edges = np.flatnonzero(np.diff(np.concatenate([[0], columns, [0]]).astype(int)))
        widths = edges[1::2] - edges[::2]
        return int((widths >= 64).sum())

    assert shapes((216, 65, 47)) == 3
    assert shapes((43, 95, 179)) == 3
    assert shapes((242, 182, 50)) == 2
    flips: list[Callable[[Image.Image], Image.Image]] = [ImageOps.mirror, ImageOps.flip]
    assert all(apart(card, flip(card)) > 10 for flip in flips)
