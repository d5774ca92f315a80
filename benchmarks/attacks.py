"""What visitors feel while somebody attacks: how long polls take, and how much memory the page's process holds.

    python -m benchmarks.attacks [--seconds N] [--viewers N]

A server of this program (``python app.py``) trains a real run that viewers watch, each polling once a second as the
page does. First nobody attacks; then each attack goes on for some seconds, as fast as one attacker gets answers.
"""

import argparse
import json
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.parquet as pq
from gradio_client import Client

from benchmarks.harness import Row, report
from benchmarks.live import WARM_UP_STEPS, Server, serve, watched_by
from benchmarks.watching import components

PATIENCE = 120.0
MAX_CONNECTIONS = 800  #: of one attacker
SAMPLE_SECONDS = 0.1
#: Rows of 10,000 characters that a file of some kilobytes repeats.
REPEATED_ROWS = 200_000


class Attacker:
    """What somebody can send who means harm; nothing that is refused stops them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.session = secrets.token_hex(8)
        self.config: dict[str, Any] = json.loads(self.ask("config"))
        self.connections: list[socket.socket] = []

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """One request; what is refused answers, too."""
        try:
            with urlopen(Request(self.url + path, body, headers), timeout=PATIENCE) as answer:
                content: bytes = answer.read()
        except HTTPError as error:
            content = error.read()
        return content

    def post(self, path: str, body: Any, **headers: str) -> bytes:
        """A request with JSON."""
        return self.ask(path, json.dumps(body).encode(), **{"Content-Type": "application/json", **headers})

    def call(self, name: str, changes: dict[int, Any] | None = None) -> str:
        """One of the page's handlers, asked what the page asks at first, but for some inputs by their places."""
        values = {one["id"]: one["props"].get("value") for one in self.config["components"]}
        handler = next(one for one in self.config["dependencies"] if one["api_name"] == name)
        data = [(changes or {}).get(place, values[number]) for place, number in enumerate(handler["inputs"])]
        self.post("gradio_api/queue/join", {"data": data, "fn_index": handler["id"], "session_hash": self.session})
        return self.ask(f"gradio_api/queue/data?session_hash={self.session}").decode()

    def upload(self, path: Path) -> str:
        """Upload a file; returns where the server has it."""
        mark = secrets.token_hex(8)
        head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
        body = head.encode() + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        return str(json.loads(self.ask("gradio_api/upload", body, **kind))[0])

    def hostile_file(self) -> str:
        """A small file that decodes to gigabytes, looked at."""
        path = self.folder / f"{secrets.token_hex(4)}.parquet"
        column = pa.DictionaryArray.from_arrays(pa.array([0] * REPEATED_ROWS, pa.int32()), pa.array(["a b " * 2500]))
        columns = {"sentence1": column, "sentence2": column, "label": pa.array([1] * REPEATED_ROWS)}
        note = pa.schema(pa.table(columns).schema, metadata={"note": path.stem})  # another content each time
        pq.write_table(pa.table(columns).cast(note), path, compression="zstd")
        uploaded = {"path": self.upload(path), "meta": {"_type": "gradio.FileData"}}
        self.call("file_chosen", {0: "file", 1: uploaded})
        return self.call("look", {2: "file", 3: uploaded})

    def wrong_keys(self) -> None:
        """A guess of the owner's key."""
        about = {"session_hash": self.session, "component_id": components(self.url)["live"], "fn_name": "claim"}
        self.post("gradio_api/component_server", {**about, "data": {"key": secrets.token_urlsafe(16)}})

    def idle_connections(self) -> None:
        """Connections that ask nothing; they stay open."""
        address = urlsplit(self.url)
        with suppress(OSError):
            while len(self.connections) < MAX_CONNECTIONS:
                self.connections.append(socket.create_connection((address.hostname, address.port), timeout=1))
        time.sleep(SAMPLE_SECONDS)

    def runs_without_a_secret(self) -> str:
        """A run put into the queue."""
        return self.call("start_run")

    def foreign_pages(self) -> None:
        """A form of a foreign page that uploads two megabytes."""
        self.ask("gradio_api/upload", bytes(2**21), Origin="https://foreign.example", Host="foreign.example")

    def malformed_requests(self) -> None:
        """What no page would send."""
        self.post("gradio_api/component_server", {"data": ["x" * 10_000], "component_id": -1, "fn_name": "claim"})
        self.post("gradio_api/queue/join", {"data": [[]] * 50, "fn_index": 0, "session_hash": self.session})


ATTACKS: dict[str, Callable[[Attacker], object] | None] = {
    "none": None,
    "files that decode to gigabytes": Attacker.hostile_file,
    "guesses of the owner's key": Attacker.wrong_keys,
    "runs without a secret": Attacker.runs_without_a_secret,
    "uploads by foreign pages": Attacker.foreign_pages,
    "malformed requests": Attacker.malformed_requests,
    "idle connections": Attacker.idle_connections,
}


@contextmanager
def attacked(url: str, attack: Callable[[Attacker], object] | None) -> Iterator[list[float]]:
    """Let somebody attack while the block runs; gives when each attempt ended."""
    done, ended = Event(), list[float]()

    def go_on(attacker: Attacker) -> None:
        while not done.is_set():
            with suppress(OSError):
                attack(attacker) if attack else done.wait()
            ended.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        attacker = Attacker(url, Path(folder))
        going_on = thread.submit(go_on, attacker)
        try:
            yield ended
        finally:
            done.set()
            going_on.result()
            for connection in attacker.connections:
                connection.close()


def measure(server: Server, run_id: str, attack: str, viewers: int, seconds: float) -> Row:
    """Polls of so many viewers during an attack, and the most memory that the server's process held."""
    before = server.process.memory_info().rss
    memory = [before]
    with watched_by(viewers, server, run_id) as watching, attacked(server.url, ATTACKS[attack]) as attempts:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            memory.append(server.process.memory_info().rss)
            time.sleep(SAMPLE_SECONDS)
    delays = sorted(delay for viewer in watching for delay in viewer.delays[1:])
    return {
        "attempts": 0 if ATTACKS[attack] is None else len(attempts),
        "polls": len(delays),
        "median_ms": 1000 * statistics.median(delays),
        "p95_ms": 1000 * statistics.quantiles(delays, n=20)[-1],
        "max_ms": 1000 * delays[-1],
        "grown_mb": (max(memory) - before) / 2**20,
    }


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="each attack lasts so long")
    parser.add_argument("--viewers", type=int, default=30)
    options = parser.parse_args()
    with serve() as server:
        client = Client(server.url, verbose=False)
        started = client.predict("minilm", "pairs", "standard", {}, "", api_name="/start_run")
        run = server.store.open(started["run_id"])
        while run.status.step < WARM_UP_STEPS:
            time.sleep(0.5)
        found = {}
        for attack in ATTACKS:
            print(attack, file=sys.stderr, flush=True)
            found[attack] = measure(server, run.id, attack, options.viewers, options.seconds)
        is_at_work = run.status.is_live
        client.predict(run.id, "stop", started["secret"], api_name="/control_run")
    table = [
        {
            "attack": attack,
            "attempts": f"{row['attempts']:,}",
            "polls": f"{row['polls']:,}",
            "median (ms)": f"{row['median_ms']:.0f}",
            "95th percentile (ms)": f"{row['p95_ms']:.0f}",
            "longest (ms)": f"{row['max_ms']:.0f}",
            "memory grown by (MB)": f"{row['grown_mb']:.0f}",
        }
        for attack, row in found.items()
    ]
    report("attacks", table, {"attacks": found, "viewers": options.viewers, "run_goes_on": is_at_work})


if __name__ == "__main__":
    main()
