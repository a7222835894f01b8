"""Pictures: reading any common image file safely, the network's input, and the sample pictures."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from PIL import ExifTags, Image, ImageCms, ImageDraw

from topformer_viz import paths
from topformer_viz.words.misspelt import known
from topformer_viz.words.text import Text

if TYPE_CHECKING:
    import torch

MAX_BYTES = 50_000_000
MAX_PIXELS = 40_000_000
MAX_SCANS = 50  # of a JPEG of MAX_PIXELS, and in proportion more of a smaller one: each passes over all its pixels
MIN_SIDE = 2
MAX_ASPECT = 20
CELL = 64  # pixels a side that one token of the network covers

# What the app keeps of a visitor's picture: a short side of at most OWN_SIDE and OWN_PIXELS in all, the network's
# largest input. Reading it may take MAX_MEMORY bytes.
OWN_SIDE = 1024
OWN_PIXELS = 512 * CELL**2
MAX_MEMORY = 400_000_000

# Per channel (R, G, B), for values in 0..1: the ImageNet statistics TopFormer was trained with. They are
# torchvision's (https://pytorch.org/vision/stable/models.html); times 255 they are `img_norm_cfg` in
# https://github.com/hustvl/TopFormer.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# Nothing else is tried, so that no rarely used (and rarely tested) decoder sees an upload. Pillow's JPEG
# reader also opens MPO, and leaves it at its first picture, as every reader does with animations. AVIF
# goes before HEIF: either may carry the other's brand "mif1", and only Pillow's AVIF reader then passes on.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")

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

# Why a file is refused, in one sentence, by the name under which the reason travels (reader.py).
REFUSALS = {
    "empty": Text(
        en="The file is empty; please choose another file.",
        zh="文件是空的，请换一个文件。",
    ),
    "too heavy": Text(
        en="The file is larger than {megabytes} MB; please save the picture smaller and try again.",
        zh="文件超过 {megabytes} MB，请将图片缩小后再试。",
    ).format(megabytes=MAX_BYTES // 1_000_000),
    "unreadable": Text(
        en="The file is damaged or not a picture this app can read; "
        "please use a sound JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF file.",
        zh="文件已损坏或不是可识别的图片，请使用完好的 JPEG、PNG、WebP、AVIF、HEIC、GIF、BMP 或 TIFF 文件。",
    ),
    "too large": Text(
        en="The picture has more than {megapixels} megapixels; please make it smaller and try again.",
        zh="图片超过 {megapixels} 百万像素，请缩小后再试。",
    ).format(megapixels=MAX_PIXELS // 1_000_000),
    "too small": Text(
        en="The picture is only {width} × {height} pixels; please use one of at least {least} pixels a side.",
        zh="图片只有 {width} × {height} 像素，请使用每边至少 {least} 像素的图片。",
    ),
    "too long": Text(
        en="The picture is too long and narrow at {width} × {height} pixels; "
        "please crop it to at most {aspect} times as long as it is wide.",
        zh="图片过于狭长（{width} × {height} 像素），请裁剪到长边不超过短边的 {aspect} 倍。",
    ),
    "too many scans": Text(
        en="The JPEG paints its picture in {scans} passes, far more than any camera; "
        "please save it again as an ordinary JPEG.",
        zh="这个 JPEG 分 {scans} 次扫描才画完，远多于任何相机的做法，请重新保存为普通的 JPEG。",
    ),
    "damaged": Text(
        en="The picture is damaged or incomplete; please export or download it again and retry.",
        zh="图片已损坏或不完整，请重新导出或下载后再试。",
    ),
    "too slow": Text(
        en="The picture took longer than {seconds} seconds to read; "
        "please make it smaller, or save it as an ordinary JPEG, and try again.",
        zh="读取这张图片超过了 {seconds} 秒，请将它缩小或保存为普通的 JPEG 后再试。",
    ),
    "too much memory": Text(
        en="Reading the picture takes more memory than this app gives to one picture; "
        "please make it smaller, or save it as an ordinary JPEG, and try again.",
        zh="读取这张图片所需的内存超出了本应用给单张图片的限额，请将它缩小或保存为普通的 JPEG 后再试。",
    ),
    "busy": Text(
        en="Many pictures are being read at this moment; please try again a little later.",
        zh="此刻正在读取的图片很多，请稍后再试。",
    ),
}

pi_heif.register_heif_opener()


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
    refused where that would take more than MAX_MEMORY, as far as that is known beforehand.

    Raises ImageError if ``data`` is no such file, is broken, exceeds MAX_BYTES, or holds a picture of more
    than MAX_PIXELS, with a side under MIN_SIDE pixels, with sides further apart than MAX_ASPECT : 1, or, a JPEG,
    of absurdly many scans. All but the damage is checked before the picture's pixels are decoded.
    """
    if not data:
        raise ImageError("empty")
    if len(data) > MAX_BYTES:
        raise ImageError("too heavy")
    with warnings.catch_warnings():
        # Pillow warns of big or odd files, which are either refused or readable here. catch_warnings is
        # not safe between threads: at worst this filter stays, which then hides only Pillow's warnings.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Exception as error:  # Pillow's readers raise nearly any type on a hostile header
            raise _refusal(error, "unreadable") from error
        _check_size(*image.size)
        _check_effort(image, data, reduced)
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
            raise _refusal(error, "damaged") from error


def suffixes() -> frozenset[str]:
    """How names of the files end that open_image takes: in lower case, with the dot."""
    return frozenset(end for end, name in Image.registered_extensions().items() if name in (*_FORMATS, "MPO"))


def own_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) to which the app scales a visitor's picture down; never up."""
    scale = min(1, OWN_SIDE / min(width, height), (OWN_PIXELS / (width * height)) ** 0.5)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _refusal(error: Exception, reason: str) -> ImageError:
    """What to say of a reader's ``error``: where memory or size are not to blame, ``reason``."""
    if isinstance(error, Image.DecompressionBombError):
        return ImageError("too large")
    # The libraries' own words for it, where it is no MemoryError.
    scarce = isinstance(error, MemoryError) or "memory" in str(error).lower()
    return ImageError("too much memory" if scarce else reason)


def _check_size(width: int, height: int) -> None:
    """Raises ImageError unless a picture of ``width`` x ``height`` pixels is within the limits."""
    if width * height > MAX_PIXELS:
        raise ImageError("too large")
    if min(width, height) < MIN_SIDE:
        raise ImageError("too small", width=width, height=height, least=MIN_SIDE)
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError("too long", width=width, height=height, aspect=MAX_ASPECT)


def _check_effort(image: Image.Image, data: bytes, reduced: bool) -> None:
    """Raises ImageError where decoding would take absurdly long, or more memory than ``reduced`` allows."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        scans = data.count(b"\xff\xda")  # or a few more: previews have their own
        if scans * pixels > MAX_SCANS * MAX_PIXELS:
            raise ImageError("too many scans", scans=scans)
    # Two canvases, the frame and the picture, four bytes a pixel each; libwebp has no word for what it lacks.
    if reduced and image.format == "WEBP" and 16 * pixels > MAX_MEMORY:
        raise ImageError("too much memory")


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


def network_size(width: int, height: int, short_side: int = 512, max_tokens: int | None = None) -> tuple[int, int]:
    """The (width, height) in pixels, both multiples of 64, at which a picture is fed to the network.

    ``width``, ``height``: the picture's own size in pixels; its proportions are kept to the nearest
    multiple of 64. ``short_side``: the wanted short side in pixels, rounded to a multiple of 64.
    ``max_tokens``: the most 64 x 64 cells wanted; to keep to it, the whole is reduced in steps of 64 of the
    short side, and if one row of cells is still too many, the row is cut.

    Raises ValueError if any of them is less than 1.
    """
    if min(width, height, short_side, 1 if max_tokens is None else max_tokens) < 1:
        raise ValueError("width, height, short_side and max_tokens must be at least 1")
    small, large = sorted((width, height))

    def long_cells(short_cells: int) -> int:
        return (2 * short_cells * large + small) // (2 * small)  # rounded; never less than short_cells

    short = max(1, (short_side + CELL // 2) // CELL)
    long = long_cells(short)
    if max_tokens is not None:
        while short > 1 and short * long > max_tokens:
            short -= 1
            long = long_cells(short)
        long = min(long, max_tokens // short)
    return (long * CELL, short * CELL) if width >= height else (short * CELL, long * CELL)


def to_tensor(image: Image.Image) -> "torch.Tensor":
    """The network's input, float32 (1, 3, H, W): ``image`` (mode "RGB", H x W pixels) / 255, less MEAN, by STD.

    Raises ValueError if the picture is of another mode.
    """
    if image.mode != "RGB":
        raise ValueError(f'the picture must be of mode "RGB", not "{image.mode}"')
    import torch  # only here: the process that reads strangers' pictures (reader.py) shall start fast and stay small

    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return pixels.contiguous().float().div_(255).sub_(mean).div_(std)


def draw_test_card(width: int = 768, height: int = 512) -> Image.Image:
    """The drawn sample: few colours and shapes, each repeated, so that attention to either is easy to read.

    The same pixels each time, mode "RGB", ``width`` x ``height`` pixels. At the default size every shape
    is larger than one token's 64 x 64 pixels; other proportions than 3 : 2 stretch the whole.
    """
    scale = 4  # drawn this much larger and reduced, for smooth edges
    size = (width * scale, height * scale)
    sky = Image.linear_gradient("L").resize(size)
    card = Image.composite(Image.new("RGB", size, "#f7efe6"), Image.new("RGB", size, "#c9dbe6"), sky)
    draw = ImageDraw.Draw(card)

    def at(*points: float) -> list[float]:
        """Pixels of x, y, x, y, ... given on a grid of 12 x 8 cells."""
        return [value * size[i % 2] / (12, 8)[i % 2] for i, value in enumerate(points)]

    red, blue, yellow, ink = "#d8412f", "#2b5fb3", "#f2b632", "#3a3350"
    green, pale_green = "#4f9a5b", "#a9cf9f"
    draw.ellipse(at(3.5, 5.1, 16.5, 13), fill=pale_green)
    draw.rectangle(at(0, 6.5, 12, 8), fill=green)
    for x, y, side in ((0.9, 4.5, 2), (4.7, 5.1, 1.4), (9.4, 4.7, 1.8)):
        draw.rectangle(at(x, y, x + side, y + side), fill=blue)
    draw.polygon(at(0.6, 4.5, 1.9, 2.9, 3.2, 4.5), fill=yellow)
    draw.polygon(at(6.7, 6.5, 7.8, 4.6, 8.9, 6.5), fill=yellow)
    for x, y, radius in ((9.9, 1.9, 1.1), (4.2, 3.4, 0.7), (2.1, 1.3, 0.7)):
        draw.ellipse(at(x - radius, y - radius, x + radius, y + radius), fill=red)
    for x, y, radius in ((6.2, 1.9, 1.0), (7.6, 3.4, 0.65)):
        draw.ellipse(at(x - radius, y - radius, x + radius, y + radius), outline=ink, width=size[1] // 32)
    return card.reduce(scale)


@dataclass(frozen=True)
class Sample:
    """A picture that comes with the app: its short name, its author, licence and source, and its file.

    ``file`` is the name in topformer_viz/assets/samples, or None for the picture that draw_test_card draws.
    """

    name: Text
    credit: Text
    file: str | None


# By slug, as it stands in links; the first is the default. topformer_viz/assets/samples/CREDITS.md has the details.
SAMPLES: dict[str, Sample] = {
    "street": Sample(
        Text(en="Street", zh="街道"),
        Text(en="Adrien Pavie, MIT licence, via Panoramax API", zh="Adrien Pavie，MIT 许可，来自 Panoramax API"),
        "street.jpg",
    ),
    "crossing": Sample(
        Text(en="Crossing", zh="路口"),
        Text(en="Adrien Pavie, MIT licence, via Panoramax API", zh="Adrien Pavie，MIT 许可，来自 Panoramax API"),
        "crossing.jpg",
    ),
    "china": Sample(
        Text(en="Palace tower", zh="宫殿楼阁"),
        Text(
            en="danielbuechele on Flickr, CC BY 2.0, via scikit-learn",
            zh="danielbuechele（Flickr），CC BY 2.0，来自 scikit-learn",
        ),
        "china.jpg",
    ),
    "astronaut": Sample(
        Text(en="Astronaut", zh="宇航员"),
        Text(
            en="Eileen Collins, NASA, public domain, via scikit-image",
            zh="艾琳·柯林斯，NASA，公有领域，来自 scikit-image",
        ),
        "astronaut.jpg",
    ),
    "cat": Sample(
        Text(en="Cat", zh="猫"),
        Text(en="Stefan van der Walt, CC0, via scikit-image", zh="Stefan van der Walt，CC0，来自 scikit-image"),
        "cat.jpg",
    ),
    "coffee": Sample(
        Text(en="Cup of coffee", zh="一杯咖啡"),
        Text(en="Rachel Michetti, CC0, via scikit-image", zh="Rachel Michetti，CC0，来自 scikit-image"),
        "coffee.jpg",
    ),
    "rocket": Sample(
        Text(en="Rocket", zh="火箭"),
        Text(en="SpaceX, public domain, via scikit-image", zh="SpaceX，公有领域，来自 scikit-image"),
        "rocket.jpg",
    ),
    "card": Sample(
        Text(en="Test card", zh="测试图卡"),
        Text(en="Drawn by this app, under its own licence", zh="由本应用绘制，许可与本应用相同"),
        None,
    ),
}


def open_sample(slug: str) -> Image.Image:
    """The sample picture of this slug, mode "RGB"; raises ValueError if SAMPLES has none."""
    known("sample", slug, SAMPLES)
    file = SAMPLES[slug].file
    return draw_test_card() if file is None else open_image((paths.SAMPLES / file).read_bytes())
