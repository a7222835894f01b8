"""What is large goes to the browser over HTTP, as files of Streamlit's own: by what is in them, so that the same is fetched once."""

from streamlit import runtime


def hand_out(data: bytes, kind: str, place: str) -> str:
    """The address, relative to the page's, at which this session's browser finds ``data``; ``kind`` is its MIME type.

    Streamlit lets go of a file when no session has it at any ``place`` any more: what a page shows is handed out at every run.
    """
    return runtime.get_instance().media_file_mgr.add(data, kind, f"topformer {place}").lstrip("/")
