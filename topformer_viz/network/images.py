"""Any common image file to an upright RGB picture, safely; without torch, for the process that reads strangers' images."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from PIL import ExifTags, Image, ImageCms

from topformer_viz.words.text import Text

MAX_BYTES = 50_000_000
MAX_PIXELS = 40_000_000
MAX_SCANS = 50  # of a JPEG of MAX_PIXELS, and in proportion more of a smaller one: each passes over all its pixels
MAX_BOXES = 10_000  # of a HEIC or AVIF file, its items' included
MIN_SIDE = 2
MAX_ASPECT = 20
CELL = 64  # pixels on each side of what one token of the network covers

# What the app keeps of a visitor's picture: a short side of at most OWN_SIDE and OWN_PIXELS in all, the network's
# largest input. Reading it may take MAX_MEMORY bytes.
OWN_SIDE = 1024
OWN_PIXELS = 512 * CELL**2
MAX_MEMORY = 400_000_000

# In the app, of WebP, AVIF and HEIC. WebP takes two canvases, the frame and the picture, four bytes per pixel each, and
# libwebp has no word for what it lacks. The others take long: 24.5 megapixels, as telephones make them, half of what one
# picture may take (server/decoder.py); a file made to be slow takes more, and is ended there.
MODERN_MAX_PIXELS = MAX_MEMORY // 16

# Nothing else is tried, so that no rarely used (and rarely tested) decoder sees an upload. Pillow's JPEG
# reader also opens MPO, and leaves it at its first picture, as every reader does with animations. AVIF
# goes before HEIF: either may carry the other's brand "mif1", and only Pillow's AVIF reader then passes on.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")

# In a HEIC or AVIF file: an item's box, its size and its version.
_ITEM = re.compile(rb"(....)infe(.)", re.DOTALL)

_FLAT = ("L", "RGB", "CMYK", "LAB")  # the modes without alpha that colour profiles are made for

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Why a file is refused, in one sentence, by the name under which the reason travels (server/reader.py).
REFUSALS = {
    "empty": Text(
        en="The file is empty; please choose another file.",
        zh="文件是空的，请换一个文件。",
    ),
    "too heavy": Text(
        en="The file is larger than {megabytes} MB; please save the image smaller and try again.",
        zh="文件超过 {megabytes} MB，请将图片缩小后再试。",
    ).format(megabytes=MAX_BYTES // 1_000_000),
    "unreadable": Text(
        en="The file is damaged or not an image that this app can read; "
        "please use a sound JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF file.",
        zh="文件已损坏或不是可识别的图片，请使用完好的 JPEG、PNG、WebP、AVIF、HEIC、GIF、BMP 或 TIFF 文件。",
    ),
    "too large": Text(
        en="The image has more than {megapixels} megapixels; please make it smaller and try again.",
        zh="图片超过 {megapixels}00 万像素，请缩小后再试。",
    ).format(megapixels=MAX_PIXELS // 1_000_000),
    "too large for its format": Text(
        en="The image has more than {megapixels} megapixels, too many for a WebP, AVIF or HEIC file; "
        "please make it smaller, or save it as an ordinary JPEG, and try again.",
        zh="图片超过 {megapixels}00 万像素，这对 WebP、AVIF 或 HEIC 文件来说太大了，请将它缩小或保存为普通的 JPEG 后再试。",
    ).format(megapixels=MODERN_MAX_PIXELS // 1_000_000),
    "too small": Text(
        en="The image is only {width} × {height} pixels; please use one of at least {least} pixels on each side.",
        zh="图片只有 {width} × {height} 像素，请使用每边至少 {least} 像素的图片。",
    ),
    "too long": Text(
        en="The image is too long and narrow at {width} × {height} pixels; "
        "please crop it to at most {aspect} times as long as it is wide.",
        zh="图片过于狭长（{width} × {height} 像素），请裁剪到长边不超过短边的 {aspect} 倍。",
    ),
    "too many scans": Text(
        en="The JPEG builds up its image in {scans} passes, far more than any camera; "
        "please save it again as an ordinary JPEG.",
        zh="这个 JPEG 分 {scans} 次扫描才画完，远多于任何相机的做法，请重新保存为普通的 JPEG。",
    ),
    "damaged": Text(
        en="The image is damaged or incomplete; please export or download it again and retry.",
        zh="图片已损坏或不完整，请重新导出或下载后再试。",
    ),
    "too slow": Text(
        en="The image took longer than {seconds} seconds to read; "
        "please make it smaller, or save it as an ordinary JPEG, and try again.",
        zh="读取这张图片超过了 {seconds} 秒，请将它缩小或保存为普通的 JPEG 后再试。",
    ),
    "too much memory": Text(
        en="Reading the image takes more memory than this app gives to one image; "
        "please make it smaller, or save it as an ordinary JPEG, and try again.",
        zh="读取这张图片所需的内存超出了本应用给单张图片的限额，请将它缩小或保存为普通的 JPEG 后再试。",
    ),
    "busy": Text(
        en="The server did not get to this image in time; please try again a little later.",
        zh="服务器没能及时读取这张图片，请稍后再试。",
    ),
}

# A picture's thumbnails, depth and other companions are not looked at.
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


class ImageError(ValueError):
    """A file that cannot be used as a picture.

    ``reason`` is a key of REFUSALS and ``values`` fill its sentence's places. ``text`` is that sentence, for the
    user, in both languages: what is wrong and what to do; ``str()`` is its English.
    """

    def __init__(self, reason: str, **values: int) -> None:
        self.reason, self.values = reason, values
        self.text = REFUSALS[reason].format(**values)
        super().__init__(self.text.en)


def open_image(data: bytes, reduced: bool = False) -> Image.Image:
    """The picture in the bytes of an image file, upright, 8-bit sRGB, mode "RGB", without metadata.

    Takes JPEG (also MPO), PNG, WebP, AVIF, HEIC, GIF, BMP and TIFF; of several pictures in one file, the
    first. Transparent parts come out white. ``reduced``: for the app, scaled down to ``own_size``, and
    refused where a WebP, AVIF or HEIC file holds more than MODERN_MAX_PIXELS.

    Raises ImageError if ``data`` is no such file, is broken, exceeds MAX_BYTES, or holds a picture of more
    than MAX_PIXELS, with a side under MIN_SIDE pixels, with sides further apart than MAX_ASPECT : 1, or, a JPEG,
    of absurdly many scans. All but the damage is checked before the picture's pixels are decoded.
    """
    if not data:
        raise ImageError("empty")
    if len(data) > MAX_BYTES:
        raise ImageError("too heavy")
    if not _items_are_named(data):
        raise ImageError("unreadable")
    most, large = _most(data, reduced)
    with warnings.catch_warnings():
        # Pillow warns of big or odd files, which are either refused or readable here. catch_warnings is
        # not safe between threads: at worst this filter stays, which then hides only Pillow's warnings.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Exception as error:  # Pillow's readers raise nearly any type on a hostile header
            raise _refusal(error, "unreadable", large) from error
        if image.width * image.height > most:
            raise ImageError(large)
        _check_sides(*image.size)
        _check_scans(image, data)
        if reduced and image.format in ("JPEG", "MPO"):
            width, height = own_size(*image.size)
            image.draft(None, (width * 3 // 2, height * 3 // 2))  # decodes to no more than is needed
        try:
            image.load()  # first of all: some readers complete the metadata only now
            picture = _flatten(image)
            profile, orientation = image.info.get("icc_profile"), _orientation(image)
            del image  # which, with its decoder, takes more than the picture itself
            size = own_size(*picture.size) if reduced else picture.size
            picture = picture.resize(size, Image.Resampling.LANCZOS)  # a copy at least, without the decoder
            return _turned(_to_srgb(picture, profile), orientation)
        except Exception as error:  # ... and on hostile pixels
            raise _refusal(error, "damaged", large) from error


def suffixes() -> frozenset[str]:
    """How names of the files end that open_image takes: in lower case, with the dot."""
    return frozenset(end for end, name in Image.registered_extensions().items() if name in (*_FORMATS, "MPO"))


def own_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) to which the app scales a visitor's picture down; never up."""
    scale = min(1, OWN_SIDE / min(width, height), (OWN_PIXELS / (width * height)) ** 0.5)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _most(data: bytes, reduced: bool) -> tuple[int, str]:
    """How many pixels the picture in a file may have, and the reason for refusing more."""
    modern = data[4:8] == b"ftyp" or data[8:12] == b"WEBP"  # by which Pillow knows AVIF and HEIC, and WebP
    return (MODERN_MAX_PIXELS, "too large for its format") if reduced and modern else (MAX_PIXELS, "too large")


def _items_are_named(data: bytes) -> bool:
    """Whether what a HEIC or AVIF file says of its items is UTF-8, as the standard (ISO/IEC 14496-12) has it; true of other files.

    Over a HEIC file's item of another kind pi_heif 1.4 ends the process: it makes a text of the kind and does not ask whether
    that went well.
    """
    if data[4:8] != b"ftyp":
        return True
    at = boxes = 0
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        end = min(at + size, len(data)) if size >= 8 else len(data)
        boxes += 1 if kind == b"mdat" else 1 + data.count(b"infe", at, end)  # the former's bytes may be any
        if boxes > MAX_BOXES:
            return False
        items = _ITEM.finditer(data, at, end) if kind != b"mdat" else ()
        if not all(_is_text(data, item.start(), int.from_bytes(item[1]), item[2]) for item in items):
            return False
        at = end
    return True


def _is_text(data: bytes, at: int, size: int, version: bytes) -> bool:
    """Whether an item's kind and names are: what follows its number in the box of so many bytes there."""
    if not 8 <= size < 2**16:
        return False
    try:
        data[at + (18 if version == b"\3" else 16) : at + size].decode()
    except UnicodeDecodeError:
        return False
    return True


def _refusal(error: Exception, reason: str, large: str) -> ImageError:
    """What to say of a reader's ``error``: ``large`` where size is to blame, and where memory isn't either, ``reason``."""
    if isinstance(error, Image.DecompressionBombError):
        return ImageError(large)
    # The libraries' own words for it, where it is no MemoryError.
    scarce = isinstance(error, MemoryError) or "memory" in str(error).lower()
    return ImageError("too much memory" if scarce else reason)


def _check_sides(width: int, height: int) -> None:
    """Raises ImageError where a picture of ``width`` x ``height`` pixels is too small, or too long and narrow."""
    if min(width, height) < MIN_SIDE:
        raise ImageError("too small", width=width, height=height, least=MIN_SIDE)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError("too long", width=width, height=height, aspect=MAX_ASPECT)


def _check_scans(image: Image.Image, data: bytes) -> None:
    """Raises ImageError where decoding a JPEG would take absurdly long."""
    if image.format in ("JPEG", "MPO"):
        scans = data.count(b"\xff\xda")  # or a few more: previews have their own
        if scans * image.width * image.height > MAX_SCANS * MAX_PIXELS:
            raise ImageError("too many scans", scans=scans)


def upright(image: Image.Image) -> Image.Image:
    """A decoded picture, turned as its EXIF orientation says; its pixels stay what they are."""
    return _turned(image, _orientation(image))


def _turned(image: Image.Image, orientation: int | None) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _orientation(image: Image.Image) -> int | None:
    """The EXIF orientation of a decoded picture, if it has one; the TIFF reader has turned the picture itself."""
    with contextlib.suppress(Exception):  # broken metadata does not spoil a good picture
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _flatten(image: Image.Image) -> Image.Image:
    """A decoded picture in mode L, RGB, CMYK or LAB: 8 bits, its transparent parts white.

    Strip by strip, as several copies of a large picture would not fit into MAX_MEMORY.
    """
    if image.mode in _FLAT and not image.has_transparency_data:
        return image
    span = _span(image) if image.mode in ("I", "F") else (0.0, 65535.0)
    flat = None
    for top, strip in _strips(image):
        colour, alpha = _split_alpha(strip, *span)
        if colour.mode not in _FLAT:
            colour = colour.convert("RGB")
        flat = flat or Image.new(colour.mode, image.size, "white")
        flat.paste(colour, (0, top), alpha)
    assert flat is not None  # no picture is without rows
    return flat


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Consecutive rows of the picture, a quarter of a megapixel at a time, each with the number of its first row."""
    rows = max(1, 250_000 // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _to_srgb(flat: Image.Image, profile: bytes | None) -> Image.Image:
    """``flat`` (mode L, RGB, CMYK or LAB) in sRGB, mode "RGB", by its colour profile if it has one."""
    if profile:
        # Broken, or made for another mode? Then the plain conversion below is the best guess left.
        with contextlib.suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            flat = ImageCms.buildTransform(source, target, flat.mode, "RGB").apply(flat)
    rgb = flat if flat.mode == "RGB" else flat.convert("RGB")
    rgb.info.clear()  # a profile left here would be applied twice once saved
    return rgb


def _split_alpha(image: Image.Image, low: float, high: float) -> tuple[Image.Image, Image.Image | None]:
    """The picture in an 8-bit (or 1-bit) mode without transparency, and its alpha (mode "L") if it has one.

    ``low``, ``high``: of a picture of deeper grey, the levels that become black and white.
    """
    transparent = image.info.get("transparency")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.array(image, dtype=np.float64)
        alpha = None if transparent is None else Image.fromarray(np.uint8(255) * (values != transparent))
        return Image.fromarray(_to_8_bits(values, low, high)), alpha
    if not image.has_transparency_data:
        return image, None
    if isinstance(transparent, tuple) and max(transparent) > 255:
        # Pillow reduces a 16-bit colour PNG to 8 bits, but not the colour it declares transparent.
        image.info["transparency"] = tuple(value >> 8 for value in transparent)
    rgba = image.convert("RGBA")
    # Grey stays grey, as a grey picture's colour profile fits no other mode.
    return rgba.convert("L" if "L" in image.getbands() else "RGB"), rgba.getchannel("A")


def _span(image: Image.Image) -> tuple[float, float]:
    """The grey levels, of a picture of mode "I" or "F", that become black and white.

    Those of 16 bits, or where they don't fit, or for "F", the least and the greatest that are finite.
    """
    lows, highs = [], []
    for _, strip in _strips(image):
        values = np.asarray(strip)
        finite = np.isfinite(values)
        if finite.any():
            lows.append(float(values.min(where=finite, initial=values[finite][0])))
            highs.append(float(values.max(where=finite, initial=values[finite][0])))
    low, high = min(lows, default=0.0), max(highs, default=65535.0)
    return (low, high) if image.mode == "F" or low < 0 or high > 65535 else (0.0, 65535.0)


def _to_8_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Grey levels (H, W) float64, changed in place, as uint8: ``low`` becomes 0 and ``high`` 255.

    NaN and minus infinity become black, plus infinity white.
    """
    values -= low
    values *= 255 / ((high - low) or 1)
    np.nan_to_num(values, copy=False, nan=0, posinf=255, neginf=0)
    return np.rint(values, out=values).astype(np.uint8)
