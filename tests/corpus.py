"""Files that strangers might send: small sound ones of every format, and hostile ones, all made here."""

import base64
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

RED, BLUE, WHITE, BLACK = (200, 30, 30), (30, 60, 200), (255, 255, 255), (0, 0, 0)

# Made once with pillow-heif: 64 x 48 pixels, white, a red quarter at the top left and a blue one at the
# bottom right, at quality 80, stored so that it is to be shown turned by 90 degrees clockwise.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAA"
    "AAAAAAAAADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAAQ4AAgAAAAAC+gABAAAAAAAAACQAAAA4aWluZgAAAAAA"
    "AgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADm"
    "aXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAq"
    "QgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQAN"
    "AAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBp"
    "eGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEA"
    "AQAAATptZGF0AAABCigBrwT47Frp+t/6j///+R/7L8Wjy33LILp99udkl6Mv/9FtKZbE23dvC0gnjy20tt6fudCAZC47"
    "dqE6qxo4AtPgZbeLR1CFIz/vxL0bo3//5RNJYfNkWl/iihidg2X+GT+P8D7k/kwy/bS0BsX8S5J/77w+SsY9kd3xudsj"
    "uJ21gOABP90Rhytc6pYOqRcM4cfX/2WO/dkf1i8vEY67dBrNqPfdz0Eq7f0CDCydBol756qFD+M7Q10mjqfk9zAZk9SI"
    "udCGe1bSk7H7MOr8NNbfGjnWZwvS0Z6r3xntGPok4EgDuVygWHseeC/+lXUPTccDF0zUbYZnUH5KtBpcXtEcsSpeB51E"
    "fdLAAAAABkV4aWYAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA"
)


def picture(width: int = 64, height: int = 48) -> Image.Image:
    """White, with a red quarter at the top left and a blue one at the bottom right: no turn of it is itself."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(BLUE, (width // 2, height // 2, width, height))
    return image


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def raw_png(width: int, height: int, bits: int, colour_type: int, rows: list[bytes], transparent: bytes = b"") -> bytes:
    """A PNG of rows already packed: Pillow writes no 16-bit colour, and no header that lies."""

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))
        + (chunk(b"tRNS", transparent) if transparent else b"")
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, content: bytes) -> bytes:
    """A PNG's chunk."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG's segment."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def sound() -> dict[str, bytes]:
    """A small sound file of every format, by its name."""
    image = picture()
    others = [Image.new("RGB", image.size, colour) for colour in ((0, 160, 0), (160, 160, 0))]
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "JPEG": encode(image, "JPEG", exif=exif),
        "progressive JPEG": encode(image, "JPEG", progressive=True),
        "MPO": encode(image, "MPO", save_all=True, append_images=others),
        "PNG": encode(image.quantize(8), transparency=1),
        "16-bit PNG": encode(Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64) * 21)),
        "WebP": encode(image, "WEBP", quality=80),
        "lossless WebP": encode(image.convert("RGBA"), "WEBP", lossless=True),
        "AVIF": encode(image, "AVIF", speed=10),
        "HEIC": HEIC,
        "GIF": encode(image, "GIF", save_all=True, append_images=others),
        "BMP": encode(image, "BMP"),
        "TIFF": encode(image, "TIFF", compression="tiff_lzw"),
        "raw TIFF": encode(image.convert("CMYK"), "TIFF"),
    }


LAUGHS = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&j;</x:xmpmeta>"
)
HUGE = b"<x:xmpmeta>" + b" " * 8_000_000


def scan_bomb(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose last pass is repeated until there are so many."""
    data = encode(Image.new("RGB", (width, height), RED), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]


def _resized(data: bytes, mark: bytes, offset: int, layout: str, *sides: int) -> bytes:
    """The file with another width and height written ``offset`` bytes behind ``mark``."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, data.index(mark) + offset, *sides)
    return bytes(changed)


def _tiff(*tags: tuple[int, int, int, int], more: bytes = b"") -> bytes:
    """A TIFF of these entries (number, type, count, value), with ``more`` at its end; its first byte is 8 + 2 + 12 n + 4."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + more


def _webp_canvas(width: int, height: int) -> bytes:
    """An animation of small frames on a canvas of this size."""
    data = encode(picture(), "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    at = data.index(b"VP8X") + 12
    return data[:at] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + data[at + 6 :]


def _with_text(name: bytes, content: bytes) -> bytes:
    """A PNG with one more chunk, of text."""
    data = encode(picture())
    return data[:33] + chunk(name, content) + data[33:]


def _with_segments(*segments: bytes) -> bytes:
    data = encode(picture(), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


# What to make, and the ways in which it may end: a size (width, height) or reasons.
Case = tuple[Callable[[], bytes], tuple[tuple[int, int] | str, ...]]
WHOLE = (64, 48)
BROKEN = ("damaged", "unreadable")

HOSTILE: dict[str, Case] = {
    "nothing": (lambda: b"", ("empty",)),
    "51 MB of zeros": (lambda: bytes(51_000_000), ("too heavy",)),
    "text": (lambda: "图片\r\n‮gnp.<b>".encode(), ("unreadable",)),
    "a page": (lambda: b"<html><body><img src=x onerror=alert(1)>", ("unreadable",)),
    "an SVG that reads files": (
        lambda: (
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&e;</svg>'
        ),
        ("unreadable",),
    ),
    # More than there is
    "PNG, 60,000 x 60,000": (lambda: raw_png(60_000, 60_000, 8, 6, [bytes(4_000_000)]), ("too large",)),
    "PNG, 2^31 - 1 a side": (lambda: raw_png(2**31 - 1, 2**31 - 1, 8, 2, []), ("too large",)),
    "PNG, 0 x 0": (lambda: raw_png(0, 0, 8, 2, []), ("too small", *BROKEN)),
    "JPEG, 65,500 x 65,500": (
        lambda: _resized(encode(picture(), "JPEG"), b"\xff\xc0", 5, ">HH", 65_500, 65_500),
        ("too large",),
    ),
    "JPEG, larger than its pixels": (
        lambda: _resized(encode(picture(), "JPEG"), b"\xff\xc0", 5, ">HH", 480, 640),
        ((640, 480),),
    ),
    "GIF, 65,535 x 65,535": (
        lambda: _resized(encode(picture(), "GIF"), b"GIF", 6, "<HH", 65_535, 65_535),
        ("too large",),
    ),
    "GIF, a frame beyond its screen": (
        lambda: _resized(encode(picture(), "GIF"), b",\0\0\0\0\x40", 5, "<HH", 65_535, 65_535),
        ("too large",),
    ),
    "TIFF, 65,535 x 65,535": (
        lambda: _tiff((256, 4, 1, 65_535), (257, 4, 1, 65_535), (262, 3, 1, 1), (273, 4, 1, 0), (278, 4, 1, 65_535)),
        ("too large",),
    ),
    "TIFF, a million strips of nothing": (
        lambda: _tiff(
            (256, 4, 1, 1000),
            (257, 4, 1, 1000),
            (262, 3, 1, 1),
            (273, 4, 10**6, 80),
            (278, 4, 1, 1),
            more=bytes(4 * 10**6),
        ),
        ((1000, 1000), "too slow", *BROKEN),
    ),
    "TIFF, a directory that follows itself": (
        lambda: encode(picture(), "TIFF")[:-4] + struct.pack("<I", 8),
        (WHOLE, *BROKEN),
    ),
    "BMP, 30,000 x -30,000": (
        lambda: _resized(encode(picture(), "BMP"), b"BM", 18, "<ii", 30_000, -30_000),
        ("too large",),
    ),
    "WebP, 16,384 x 16,384": (lambda: _webp_canvas(16_384, 16_384), ("too large for its format",)),
    "WebP, 8000 x 5000": (lambda: _webp_canvas(8000, 5000), ("too large for its format",)),
    "AVIF, 60,000 x 60,000": (
        lambda: _resized(encode(picture(), "AVIF", speed=10), b"ispe", 8, ">II", 60_000, 60_000),
        ("too large for its format", *BROKEN),
    ),
    "HEIC, 60,000 x 60,000": (
        lambda: _resized(HEIC, b"ispe", 8, ">II", 60_000, 60_000),
        ("too large for its format", "too much memory", *BROKEN),
    ),
    # Small files of large pictures: 40 megapixels are allowed
    "1-bit PNG, 8000 x 5000": (lambda: encode(Image.new("1", (8000, 5000))), ((1638, 1024), "too slow")),
    "16-bit TIFF, 8000 x 5000": (
        lambda: encode(Image.new("I;16", (8000, 5000), 25700), "TIFF", compression="packbits"),
        ((1638, 1024), "too slow"),
    ),
    "palette GIF, 5000 x 8000": (lambda: encode(Image.new("P", (5000, 8000)), "GIF"), ((1024, 1638), "too slow")),
    "JPEG of 501 scans, 2000 x 2000": (lambda: scan_bomb(2000, 2000, 501), ("too many scans",)),
    "JPEG of 700,000 scans": (lambda: scan_bomb(64, 48, 700_000), ("too many scans",)),
    # Odd sides
    "1 x 1": (lambda: encode(Image.new("RGB", (1, 1))), ("too small",)),
    "1 x 50,000": (lambda: encode(Image.new("RGB", (1, 50_000))), ("too small",)),
    "2 x 50,000": (lambda: encode(Image.new("L", (2, 50_000))), ("too long",)),
    "2 x 40": (lambda: encode(Image.new("L", (2, 40))), ((2, 40),)),
    # Kinds
    "CMYK JPEG": (lambda: encode(picture().convert("CMYK"), "JPEG"), (WHOLE,)),
    "palette with transparency": (lambda: encode(picture().quantize(8), transparency=bytes(8)), (WHOLE,)),
    "16-bit colour with transparency": (lambda: raw_png(2, 2, 16, 2, [bytes(12)] * 2, bytes(6)), ((2, 2),)),
    "GIF of 500 pictures": (
        lambda: encode(
            picture(), "GIF", save_all=True, append_images=[Image.new("L", WHOLE, i % 256) for i in range(500)]
        ),
        (WHOLE,),
    ),
    # What comes with a picture
    "PNG, billion laughs": (lambda: _with_text(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LAUGHS), (WHOLE,)),
    "JPEG, billion laughs": (
        lambda: _with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + LAUGHS)),
        (WHOLE,),
    ),
    "WebP, billion laughs": (lambda: encode(picture(), "WEBP", xmp=LAUGHS), (WHOLE,)),
    "AVIF, billion laughs": (lambda: encode(picture(), "AVIF", xmp=LAUGHS, speed=10), (WHOLE,)),
    "TIFF, billion laughs": (lambda: encode(picture(), "TIFF", tiffinfo={700: LAUGHS}), (WHOLE,)),
    "PNG, text that inflates to 20 MB": (
        lambda: _with_text(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000), 1)),
        (WHOLE, "too much memory", *BROKEN),
    ),
    "PNG, colour profile that inflates to 20 MB": (
        lambda: _with_text(b"iCCP", b"profile\0\0" + zlib.compress(bytes(20_000_000), 1)),
        (WHOLE, *BROKEN),
    ),
    "PNG, 50,000 chunks of nothing": (
        lambda: encode(picture())[:33] + chunk(b"tEXt", b"a\0") * 50_000 + encode(picture())[33:],
        (WHOLE, "too slow"),
    ),
    "JPEG, 100 Exif segments": (lambda: _with_segments(*[segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 100), (WHOLE,)),
    "JPEG, 8 MB of XMP": (
        lambda: _with_segments(*[segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + HUGE[:60_000])] * 140),
        (WHOLE,),
    ),
    "WebP, 8 MB of XMP": (lambda: encode(picture(), "WEBP", xmp=HUGE), (WHOLE,)),
    "GIF, a comment of 300,000 pieces": (
        lambda: encode(picture(), "GIF").replace(b",\0\0\0\0\x40", b"!\xfe" + b"\1 " * 300_000 + b"\0,\0\0\0\0\x40", 1),
        (WHOLE, "too slow"),
    ),
    # Two files in one
    "JPEG and an archive": (lambda: encode(picture(), "JPEG") + b"PK\3\4" + bytes(1000), (WHOLE,)),
    "GIF and a script": (lambda: encode(picture(), "GIF") + b"/*<script>alert(1)</script>*/", (WHOLE,)),
    "PDF and a PNG": (lambda: b"%PDF-1.7\n" + encode(picture()), ("unreadable",)),
    "PNG that says it is a JPEG": (lambda: b"\xff\xd8\xff" + encode(picture())[3:], BROKEN),
}
for _name, _magic in {
    "JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF89a", "BMP": b"BM", "TIFF": b"II*\0", "BigTIFF": b"MM\0+",
    "WebP": b"RIFF\xff\xff\xff\xffWEBPVP8X", "AVIF": b"\0\0\0\x1cftypavif", "HEIC": b"\0\0\0\x1cftypheic", "mif1": b"\0\0\0\x1cftypmif1",
}.items():  # fmt: skip
    HOSTILE[f"{_name}, its first bytes only"] = (lambda magic=_magic: magic, ("unreadable",))  # type: ignore[misc]
