"""The embedded models: the catalogue, wheels through the real pip, the commands."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner
from models_world import FOLDER, GGUF, World, contents, sha, small_world

from jurat.models import ModelError, catalogue, get, model, resolve, verify, where
from jurat.models.commands import models


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return small_world(tmp_path, monkeypatch)


# --- the catalogue that is shipped


def test_five_models_are_pinned_in_every_byte() -> None:
    assert [entry.name for entry in catalogue()] == [
        "qwen2.5-coder-1.5b-instruct-q4_k_m",
        "qwen2.5-coder-0.5b-instruct-q4_k_m",
        "smollm2-135m-instruct-q4_1",
        "all-MiniLM-L6-v2",
        "all-mpnet-base-v2",
    ]
    for entry in catalogue():
        assert entry.licence == "Apache-2.0"
        assert re.fullmatch("[0-9a-f]{40}", entry.revision)
        assert entry.bytes > 90_000_000
        for one in (*entry.files, *entry.packages):
            assert re.fullmatch("[0-9a-f]{64}", one.sha256)
        assert len({part.sha256 for part in entry.packages}) == len(entry.packages)


def test_the_two_models_of_the_tests_are_real(minilm: Path, smollm: Path) -> None:
    assert verify("all-MiniLM-L6-v2") == minilm
    assert verify("smollm2-135m-instruct-q4_1") == smollm
    assert smollm.read_bytes()[:4] == b"GGUF"
    assert resolve("all-MiniLM-L6-v2") == str(minilm)


# --- from the package index


def test_parts_are_joined_in_order(world: World) -> None:
    seen: list[tuple[str, int, int]] = []
    path = get("a", lambda *said: seen.append(said))
    assert path == world.home / "models" / "a.gguf"
    assert path.read_bytes() == GGUF
    assert where("a") == verify("a") == path
    assert {step for step, _, _ in seen} >= {"from the package index", "checking it"}
    assert all(0 <= done <= total for _, done, total in seen)
    assert world.leftovers() == []


def test_a_folder_is_taken_out_of_a_wheel_or_a_split_zip(world: World) -> None:
    for name in "bc":
        world.arrived(name)
        assert contents(get(name)) == FOLDER
        assert verify(name) == where(name)
    assert world.leftovers() == []


def test_a_cached_model_asks_nobody(world: World) -> None:
    world.arrived("b")
    first = get("b")
    shutil.rmtree(world.wheels)
    assert get("b") == first
    assert resolve("b") == str(first)


def test_parts_that_arrived_are_kept_for_the_next_run(world: World) -> None:
    part1, part2 = sorted(world.wheels.glob("a_*"))
    part2.rename(world.wheels / "elsewhere")
    with pytest.raises(ModelError, match=r"^a could not be fetched .*a-part2==1\.0: No matching"):
        get("a")
    assert where("a") is None
    (world.wheels / "elsewhere").rename(part2)
    part1.unlink()
    assert get("a").read_bytes() == GGUF


def test_a_part_cut_short_is_fetched_again(world: World) -> None:
    parts = world.arrived("a")
    kept = next((parts / "a-part1").glob("*.whl"))
    kept.write_bytes(kept.read_bytes()[:1000])
    (kept.parent / "tmp").mkdir()
    assert get("a").read_bytes() == GGUF


def test_another_wheel_under_the_pinned_name_is_refused(world: World) -> None:
    world.wheel("b-wheel", {f"b/{path}": b"other" for path in FOLDER})
    with pytest.raises(ModelError, match=r"b-wheel==1\.0 is not the pinned wheel"):
        get("b")
    assert where("b") is None


def test_a_sum_that_differs_keeps_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.arrived("a")
    other = world.file.with_name("other.toml")
    other.write_text(world.file.read_text().replace(sha(GGUF), "0" * 64))
    monkeypatch.setattr(model, "FILE", other)
    with pytest.raises(ModelError, match=r"a\.gguf does not have the SHA-256 0000"):
        get("a")
    assert where("a") is None
    assert world.leftovers() == []


def test_two_processes_at_once(world: World) -> None:
    both = [world.again("a"), world.again("a")]
    assert [process.communicate()[0].strip() for process in both] == [str(where("a"))] * 2
    assert verify("a").read_bytes() == GGUF
    assert world.leftovers() == []


@pytest.mark.slow
def test_kill_9_at_any_moment(world: World) -> None:
    for wait in (0.3, 0.8, 1.3, 1.8):
        process = world.again("c")
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert contents(get("c")) == FOLDER
    assert world.leftovers() == []


def test_a_full_disk_and_a_bad_home(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(1000))
        with pytest.raises(ModelError, match=r"the disk is full \(0 MB free"):
            get("a")
    (world.home / "models").rename(world.home / "gone")
    (world.home / "models").write_text("a file")
    with pytest.raises(ModelError, match="JURAT_HOME names another folder"):
        get("a")


def test_verify_names_the_damaged_file(world: World) -> None:
    with pytest.raises(ModelError, match="jurat models get b"):
        verify("b")
    world.arrived("b")
    damaged = get("b") / "model.safetensors"
    damaged.write_bytes(b"v" + damaged.read_bytes()[1:])
    with pytest.raises(ModelError, match=r"model\.safetensors is missing or damaged"):
        verify("b")


def test_what_is_not_embedded_passes_through(world: World) -> None:
    assert resolve("org/encoder") == "org/encoder"
    assert resolve("some/folder") == "some/folder"
    with pytest.raises(ModelError, match="there are: a, b, c"):
        get("some/folder")


# --- the commands


def test_commands(world: World) -> None:
    run = CliRunner().invoke
    assert "kept in" in run(models, ["list"]).output
    world.arrived("a")
    world.arrived("b")
    got = run(models, ["get", "a", "b"])
    assert got.exit_code == 0
    assert "MIT" in got.output
    assert run(models, ["where", "a"]).output.strip() == str(world.home / "models" / "a.gguf")
    assert sha(GGUF) in run(models, ["verify"]).output


@pytest.mark.parametrize("command", ["get", "verify", "where"])
def test_commands_refuse_in_one_sentence(world: World, command: str) -> None:
    failed = CliRunner().invoke(models, [command, "gpt-9"])
    assert failed.exit_code == 2
    assert failed.stderr == "Error: There is no embedded model 'gpt-9'; there are: a, b, c.\n"


def test_where_without_the_model_fails(world: World) -> None:
    failed = CliRunner().invoke(models, ["where", "a"])
    assert failed.exit_code == 2
    assert "jurat models get a" in failed.stderr
