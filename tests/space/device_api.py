"""ZeroGPU's device API on loopback, as far as the package ``spaces`` asks: what it answers is chosen by the test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

import uvicorn
from fastapi import FastAPI, Request, Response

from tests.conftest import free_port, wait_until

#: Variables with the names of two files: how long loans last, and which processes had the device.
LOANS_FILE, DEVICE_FILE = "LOANS_FILE", "DEVICE_FILE"
GRANT = {"nvidiaIndex": 0, "nvidiaUUID": "MIG-pretended"}
#: Answers other than a grant: status, body, headers; the shapes stand in spaces/zero/api.py and client.py.
ANSWERS: dict[str, tuple[int, object, dict[str, str]]] = {
    "quota": (429, {"left": 30, "wait": "PT3H12M5S"}, {"X-Approve-Result": "quota-exceeded"}),
    "pending": (429, {"left": 0, "wait": "PT0S"}, {"X-Approve-Result": "pending-overquota-exceeded"}),
    "duration": (429, {"left": 30, "wait": "-PT1S"}, {"X-Approve-Result": "illegal-duration"}),
    "none_free": (503, {}, {}),
    "expired": (401, {}, {}),
    "fault": (500, {}, {}),
}


@dataclass
class DeviceApi:
    """What was asked, and what is answered."""

    port: int = field(default_factory=free_port)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    is_idle: bool = False  #: whether the process that had the GPU last still has it, and is to be used again
    answer: str = ""  #: a name of ``ANSWERS``, or "queue"; "" lends

    def of(self, path: str) -> list[dict[str, str]]:
        """What came with the requests to one path, in order."""
        return [query for asked, query in self.asked if asked == path]

    def app(self) -> FastAPI:
        """The service itself."""
        app = FastAPI()

        @app.post("/{path:path}")
        def ask(path: str, request: Request) -> Response:
            self.asked.append((path, dict(request.query_params)))
            return self._schedule() if path == "schedule" else _json({})

        return app

    def _schedule(self) -> Response:
        if self.answer == "queue":
            return Response("event: failed\n\n", media_type="text/event-stream")
        if self.answer:
            status, body, headers = ANSWERS[self.answer]
            return _json(body, status, headers)
        return _json({**GRANT, "idle": self.is_idle, "allowToken": f"grant {len(self.asked)}"})


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, "application/json")


@contextmanager
def lending() -> Iterator[DeviceApi]:
    """A device API that is served while the block goes on."""
    api = DeviceApi()
    server = uvicorn.Server(
        uvicorn.Config(api.app(), port=api.port, log_level="error", ws="none", lifespan="off", http="h11")
    )
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield api
    server.should_exit = True
    thread.join()
