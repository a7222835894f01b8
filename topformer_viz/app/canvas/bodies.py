"""What is large goes to the browser over HTTP, as files of Streamlit's own: by what is in them, so that the same is fetched once."""

from hashlib import blake2b

from streamlit import runtime


def hand_out(data: bytes, kind: str, place: str) -> str:
    """The address, relative to the page's, at which this session's browser finds ``data``; ``kind`` is its MIME type.

    Streamlit lets go of a file when no session has it at any ``place`` any more: what a page shows is handed out at every run.
    """
    # Streamlit tells files of more than 1 MiB apart by their length, ends and middle only; a name counts, too.
    name = blake2b(data, digest_size=16).hexdigest() if len(data) > 2**20 else None
    return runtime.get_instance().media_file_mgr.add(data, kind, f"topformer {place}", name).lstrip("/")
