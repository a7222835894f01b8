"""What the app hands out over HTTP, as the browser fetches it: by its address. AppTest lets go of it with the run."""

from collections import OrderedDict
from typing import Any

from streamlit.runtime.media_file_manager import MediaFileManager

HANDED: OrderedDict[str, bytes] = OrderedDict()  # the newest, by the address relative to the page's
MOST = 100

_add = MediaFileManager.add


def _note(self: MediaFileManager, data: bytes, *about: Any, **more: Any) -> str:
    at = _add(self, data, *about, **more)
    HANDED[at.lstrip("/")] = data
    HANDED.move_to_end(at.lstrip("/"))
    while len(HANDED) > MOST:
        HANDED.popitem(last=False)
    return at


MediaFileManager.add = _note  # type: ignore[method-assign,assignment]
