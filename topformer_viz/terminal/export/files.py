"""An image's files on disk, and what is said where they cannot be made."""

from collections.abc import Callable, Sequence
from pathlib import Path

from topformer_viz.figures.order import Order, OrderError
from topformer_viz.network.images import ImageError
from topformer_viz.run.tracing import TooLargeError
from topformer_viz.terminal.console import printable
from topformer_viz.terminal.export.picture import export_image

Tell = Callable[[object], None]  # is told the path of each file written
Jobs = Sequence[tuple[str, str]]  # an image's path, and what its files' paths begin with


def write(image: str, place: str, order: Order, tell: Tell) -> str:
    """Write one image's files and tell each; returns what went wrong, in a sentence, "" if nothing."""
    try:
        for end, content in export_image(Path(image).read_bytes(), printable(Path(image).name), order):
            tell(put(place, end, content))
    except Exception as error:  # whatever it is, the other images come out
        return reason(image, error)
    return ""


def put(place: str, end: str, content: bytes) -> Path:
    """Write one file, in a folder made if need be; returns its path."""
    file = Path(f"{place}{end}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def reason(image: str, error: Exception) -> str:
    """The sentence about an image whose files could not be made."""
    if isinstance(error, OSError):
        return f"{error.filename or image}: {error.strerror or error}"
    if isinstance(error, ImageError | TooLargeError | OrderError):
        return f"{image}: {error}"
    return f"{image}: {type(error).__name__}: {error}"
