"""What is large goes to the browser over HTTP, as files of Streamlit's own: by what is in them, so that the same is fetched once."""

from hashlib import blake2b

from streamlit import runtime

from topformer_viz.server import visitors
from topformer_viz.server.files import FILES
from topformer_viz.server.visitors import visitor


def hand_out(data: bytes, kind: str, place: str) -> str:
    """The address, relative to the page's, at which this session's browser finds ``data``; ``kind`` is its MIME type.

    Streamlit lets go of a file when no session has it at any ``place`` any more: what a page shows is handed out at every run.
    """
    # Streamlit tells files of more than 1 MiB apart by their length, ends and middle only; a name counts, too.
    name = blake2b(data, digest_size=16).hexdigest() if len(data) > 2**20 else None
    return runtime.get_instance().media_file_mgr.add(data, kind, f"topformer {place}", name).lstrip("/")


def hand_out_file(data: bytes, kind: str, name: str, place: str) -> str:
    """The same for a file that the visitor saves under ``name``: to a stranger once, and ``BusyError`` where too many wait for theirs."""
    return FILES.keep(visitor(), name, data, kind) if visitors.STRANGERS else hand_out(data, kind, place)


def must_have_room(size: int) -> None:
    """``BusyError`` where a file of ``size`` bytes could not be handed out, before it is made."""
    if visitors.STRANGERS:
        FILES.must_have_room(visitor(), size)
