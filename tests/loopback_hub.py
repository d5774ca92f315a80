"""As much of the Hugging Face hub as a download needs, on a port of this machine, and a process that asks it."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest
from huggingface_hub import constants


@dataclass
class LoopbackHub:
    """Repositories by name, each a folder at a commit; and what was fetched from them."""

    address: str = ""
    commits: dict[str, dict[str, Path]] = field(default_factory=dict)  #: folder by repository and commit
    names: dict[str, dict[str, str]] = field(default_factory=dict)  #: commit by repository and branch
    fetched: list[str] = field(default_factory=list)

    def publish(self, repository: str, folder: Path, branch: str = "main") -> str:
        """Let a branch be a folder's files as they are now; returns its commit."""
        content = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
        commit = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        self.commits.setdefault(repository, {})[commit] = folder
        self.names.setdefault(repository, {})[branch] = commit
        return commit


def _handler(hub: LoopbackHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(self.path.partition("?")[0]).strip("/")
            if not path:
                return self._send(b"")
            repository = "/".join(path.removeprefix("api/models/").split("/")[:2])
            _, _, rest = path.partition(f"{repository}/")
            kind, _, rest = rest.partition("/")
            if kind == "revision" and (commit := self._commit(repository, rest)):
                return self._send(json.dumps({"id": repository, "sha": commit, "siblings": []}).encode())
            if kind == "tree" and (folder := hub.commits.get(repository, {}).get(rest)):
                sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
                files = [{"type": "file", "path": name, "size": size, "oid": name} for name, size in sizes.items()]
                return self._send(json.dumps(files).encode())
            commit, _, name = rest.partition("/")
            folder = hub.commits.get(repository, {}).get(commit)
            if kind == "resolve" and folder and (folder / name).is_file():
                if self.command == "GET":
                    hub.fetched.append(f"{repository}/{name}")
                return self._send((folder / name).read_bytes(), commit)
            return self._refuse(repository in hub.commits)

        def _commit(self, repository: str, name: str) -> str:
            return name if name in hub.commits.get(repository, {}) else hub.names.get(repository, {}).get(name, "")

        def _send(self, body: bytes, commit: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def _refuse(self, is_repository: bool) -> None:
            self.send_response(404)
            self.send_header("X-Error-Code", "RevisionNotFound" if is_repository else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    return Handler


@contextmanager
def serve() -> Iterator[LoopbackHub]:
    """An empty hub that answers."""
    hub = LoopbackHub()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        hub.address = f"http://127.0.0.1:{server.server_port}"
        yield hub
        server.shutdown()


def ask(hub: LoopbackHub, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process ask that hub, and keep what it gets below ``home``."""
    patch.setenv("NO_PROXY", "127.0.0.1")
    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "ENDPOINT", hub.address)
    template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    keep_below(home, patch)


def keep_below(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process look for what is kept of any hub below ``home``."""
    patch.setattr(constants, "HF_HOME", str(home))
    patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
