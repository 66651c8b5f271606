"""The witness's door: one address that takes checkpoints, and nothing else.

Anybody may knock, since the checkpoint's signature is what admits a request. So what
comes in is limited in size and in time before it is looked at.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from holdfast.errors import HoldfastError
from holdfast.ledger.witness import REQUEST_BYTES_MAX, Answer, Witness

READ_SECONDS = 10


def create_witness_app(
    witness: Witness,
    unix_time: Callable[[], int],
    tell: Callable[[str], None] = lambda _: None,
) -> FastAPI:
    """Make the door to a witness; ``tell`` hears what went wrong inside."""
    app = FastAPI(
        title="Holdfast witness",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.closing = threading.Event()

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        """Cosign, or say by a status why not."""
        body = await _body(request)
        if isinstance(body, Answer):
            return _response(body)
        try:
            # In a thread: it waits for the disk.
            answer = await run_in_threadpool(witness.add_checkpoint, body, unix_time())
        except HoldfastError as fault:
            tell(str(fault))
            answer = Answer(503, "the witness cannot remember; nothing is cosigned\n")
        return _response(answer)

    return app


async def _body(request: Request) -> bytes | Answer:
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > REQUEST_BYTES_MAX:
                    return Answer(413, "a request has at most 65,536 bytes\n")
    except TimeoutError:
        return Answer(408, "the request did not arrive in time\n")
    return bytes(body)


def _response(answer: Answer) -> Response:
    # Given as a header: the argument would add a charset to the specified type.
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-store"}
    return Response(answer.body, answer.status, headers)
