"""The server for the open network: the app, and beside it an answer to who asks whether it takes new visitors.

Start it with `streamlit run serve.py`, and the environment of deploy/server.env; at home `streamlit run app.py` is enough.
It stands beside app.py because Streamlit looks for .streamlit and for modules beside the file that is started.
"""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from topformer_viz.server.queue import QUEUE


async def ready(_request: Request) -> JSONResponse:
    """How many computations wait: 200, or 503 where the queue is full and new visitors had better go elsewhere."""
    return JSONResponse({"waiting": QUEUE.waiting}, status_code=503 if QUEUE.is_full() else 200)


app = st.App(Path(__file__).with_name("app.py"), routes=[Route("/ready", ready)])
