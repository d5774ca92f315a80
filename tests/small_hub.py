"""A small hub on loopback: accounts, repositories, and uploads as huggingface_hub makes them (commits and LFS)."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

ACCOUNT, TOKEN = "somebody", "hf_SmallHubTokenThatMayWrite0123456789"
READ_ONLY, UNKNOWN = "hf_SmallHubTokenThatMayOnlyRead", "hf_NobodyHasThisToken"
#: What Gradio gives a visitor who signs in on a machine that is no Space.
SIGNED_IN = "mock-oauth-token-for-local-dev"
#: huggingface_hub hands a file to httpx2 in a way that is deprecated there.
uploads = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
LFS_SUFFIXES = (".safetensors", ".onnx")


@dataclass
class Repository:
    """What a repository holds."""

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    message: str = ""


@dataclass
class SmallHub:
    """What the hub knows, and what a test has it refuse."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  #: LFS, by SHA-256
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)  #: status and words, by a part of a path
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON."""
        self.asked.append(f"{method} {path}")
        for part, (status, words) in self.refusals.items():
            if part in path:
                return status, {"error": words}
        if path == "/":
            return 200, {}
        if path.startswith("/lfs/"):
            return self._keep(path.removeprefix("/lfs/"), body)
        if token not in (TOKEN, READ_ONLY, SIGNED_IN):
            return 401, {"error": "Invalid credentials in Authorization header"}
        return self._answer_account(method, path, token, body)

    def _answer_account(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/whoami-v2":
            return 200, {"name": ACCOUNT, "type": "user", "fullname": "Somebody", "avatarUrl": ""}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if method != "GET" and token == READ_ONLY:
            return 403, {"error": "You don't have the rights to create a model under this namespace"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/preupload/main|/commit/main|/revision/main)?", path):
            return self._answer_repository(match[1], match[2] or "", body)
        if match := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        return 404, {"error": f"no such path {path}"}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        account = asked["organization"] or ACCOUNT
        if account != ACCOUNT:
            return 403, {"error": "You don't have the rights to create a model under this namespace"}
        name = f"{account}/{asked['name']}"
        if name in self.repositories:
            return 409, {"error": "You already created this model repo", "url": f"{self.address}/{name}"}
        self.repositories[name] = Repository(private=asked["visibility"] == "private")
        return 200, {"url": f"{self.address}/{name}", "id": name}

    def _answer_repository(self, name: str, action: str, body: bytes) -> tuple[int, Any]:
        repository = self.repositories.get(name)
        if repository is None:
            return 404, {"error": "Repository not found"}
        if action == "/preupload/main":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {file: "lfs" if file.endswith(LFS_SUFFIXES) else "regular" for file in files}
            return 200, {
                "files": [{"path": file, "uploadMode": mode, "shouldIgnore": False} for file, mode in modes.items()]
            }
        if action == "/commit/main":
            return self._commit(name, repository, [json.loads(line) for line in body.splitlines()])
        siblings = [{"rfilename": file} for file in repository.files]
        return 200, {"id": name, "sha": "0" * 40, "private": repository.private, "siblings": siblings}

    def _commit(self, name: str, repository: Repository, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                repository.message = value["summary"]
            elif line["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repository.files[value["path"]] = self.objects[value["oid"]]
        return 200, {"commitUrl": f"{self.address}/{name}/commit/{'1' * 40}", "commitOid": "1" * 40}

    def _batch(self, asked: dict[str, Any]) -> tuple[int, Any]:
        objects = []
        for one in asked["objects"]:
            upload = {"href": f"{self.address}/lfs/{one['oid']}"}
            new = one["oid"] not in self.objects
            objects.append({**one, **({"actions": {"upload": upload}} if new else {})})
        return 200, {"transfer": "basic", "objects": objects}

    def _keep(self, digest: str, content: bytes) -> tuple[int, Any]:
        if hashlib.sha256(content).hexdigest() != digest:
            return 400, {"error": "another content than its digest says"}
        self.objects[digest] = content
        return 200, {}


@contextmanager
def serving() -> Iterator[SmallHub]:
    """The hub at its ``address`` as long as the context lasts."""
    hub = SmallHub()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self._body()
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, value = hub.answer(self.command, self.path.split("?")[0], token, body)
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        do_HEAD = do_GET = do_POST = do_PUT = _handle

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
