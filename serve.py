"""The server for the open network: the app behind a door that bounds what strangers take, and an answer to who asks whether it takes new ones.

Start it with `streamlit run serve.py`, and the environment of deploy/server.env; at home `streamlit run app.py` is enough.
It stands beside app.py because Streamlit looks for .streamlit and for modules beside the file that is started.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from topformer_viz.server import visitors
from topformer_viz.server.answers import Answers
from topformer_viz.server.door import Cookie
from topformer_viz.server.files import FILES
from topformer_viz.server.queue import QUEUE
from topformer_viz.server.uploads import Uploads


async def ready(_request: Request) -> JSONResponse:
    """How many visitors wait for a computation: 200, or 503 where the queue is full and new visitors had better go elsewhere."""
    return JSONResponse({"waiting": QUEUE.waiting}, status_code=503 if QUEUE.is_full() else 200)


@asynccontextmanager
async def for_strangers(_app: st.App) -> AsyncIterator[None]:
    """From its start on the process knows whom it serves."""
    visitors.STRANGERS = True
    yield


app = st.App(
    Path(__file__).with_name("app.py"), lifespan=for_strangers, 
    routes=[Route("/ready", ready), Route("/files/{name}", FILES), Route("/{base:path}/files/{name}", FILES)],
    middleware=[Middleware(Cookie), Middleware(Answers), Middleware(Uploads)],
)  # fmt: skip
