"""Fuzz the reading of pictures: python tests/fuzz_images.py SECONDS.

Coverage-guided (atheris, libFuzzer), from a fixed seed and a small sound file of every format. Ends with 0 unless
anything but ImageError comes out of `open_image`, a decoder crashes, or one file takes 10 seconds or 1 GB.
"""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

try:
    import atheris
except ImportError:
    atheris = None  # it is made for Linux on x86-64


def read(data: bytes) -> None:
    from topformer_viz.network.images import ImageError, open_image

    with contextlib.suppress(ImageError):
        image = open_image(data, reduced=len(data) % 2 == 0)
        assert image.mode == "RGB" and not image.info


def fuzz(folder: str, seconds: str) -> None:
    """Does not return: libFuzzer ends the process."""
    with atheris.instrument_imports(include=["PIL", "pi_heif", "topformer_viz"]):
        from PIL import Image

        from topformer_viz.network import images

        Image.init()  # else its readers come later, unseen
    images.MAX_PIXELS = images.MODERN_MAX_PIXELS = 1_000_000  # many small pictures rather than a few large ones
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=16384", "-seed=1"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={tempfile.gettempdir()}/fuzz-", folder], read)
    atheris.Fuzz()


def main(seconds: str) -> int:
    if atheris is None:
        print("skipped: atheris is not installed here; requirements-dev.txt names it where it can be")
        return 0
    from corpus import sound

    with tempfile.TemporaryDirectory() as folder:
        for name, data in sound().items():
            Path(folder, name).write_bytes(data)
        return subprocess.run([sys.executable, __file__, folder, seconds]).returncode


if __name__ == "__main__":
    if len(sys.argv) == 3:
        fuzz(*sys.argv[1:])
    elif len(sys.argv) == 2 and sys.argv[1].isdigit():
        sys.exit(main(sys.argv[1]))
    else:
        sys.exit(__doc__)
