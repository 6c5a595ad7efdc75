"""Kill a run at random instants: no answer that was received is lost, none is asked for twice.

    python bench/crash.py                      # 5,000 items x 6 prompts, 20 kills

A child process collects votes from a rehearsed server in a process of its own; it is killed with
SIGKILL at random instants, and started again until the votes are complete. After each kill the
server's count of answers that went out whole is compared with the answers in the store: what is
missing was on its way, at most one for each of the 64 slots. Writes bench/crash.json and exits with
1 where a law is broken.
"""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import click

HERE = Path(__file__).parent
AT_ONCE = 64


def child(url: str, store: str, items: int, prompts: int) -> None:
    """Collect all votes; print how many there are."""
    from labelfns import Item, Prompt, Store, collect, remembered
    from labelfns.backends.openai import openai_backend
    from labelfns.layers import limited, patient
    from labelfns.pace import Pace

    means = {"yes": (0,), "no": ()}
    texts = [f"{{{{ text }}}}\nIs it {j}? Answer yes or no." for j in range(prompts)]
    labelfns = [Prompt(f"p{j}", text, "m", {"A": ""}, means) for j, text in enumerate(texts)]
    rows = [Item(str(i), {"text": f"Clause {i}."}) for i in range(items)]
    pace = Pace(at_once=AT_ONCE)
    backend = patient(limited(openai_backend("m", url, pace=pace), pace))
    with Store(Path(store)) as kept:
        votes = collect(labelfns, rows, remembered(backend, kept), ["A"], at_once=AT_ONCE)
    sys.stdout.write(json.dumps(int((votes.status <= 1).sum())))  # voted or abstained


def answered(url: str) -> int:
    """Count the answers that left the server whole."""
    with urllib.request.urlopen(url.replace("/v1", "/rehearse/counts")) as reply:
        return int(json.load(reply)["answered"])


def stored(store: Path) -> int:
    """Count the answers in the store."""
    if not store.exists():
        return 0
    connection = sqlite3.connect(store)
    try:
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])
    except sqlite3.OperationalError:  # killed before the table was made
        return 0
    finally:
        connection.close()


def start(url: str, store: Path, items: int, prompts: int) -> subprocess.Popen[str]:
    """Start a child."""
    command = [sys.executable, __file__, "--child", url, str(store)]
    command += ["--items", str(items), "--prompts", str(prompts)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def crash(url: str, store: Path, items: int, prompts: int, kills: int, rng: random.Random) -> dict:
    """Kill `kills` children, let the last one finish; give what was lost at each kill."""
    lost, missing, done = [], 0, 0
    longest = 2.0 + items * prompts / (150 * kills)  # seconds: all kills before it is done
    while done < kills:
        process = start(url, store, items, prompts)
        time.sleep(rng.uniform(0.2, longest))
        if process.poll() is not None:
            break  # it was done before: fewer kills than asked for
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.5)  # let the server notice that the lines are gone
        on_the_way = answered(url) - stored(store) - missing
        missing += on_the_way
        lost.append(on_the_way)
        done += 1
    process = start(url, store, items, prompts)
    votes = int(process.communicate()[0])
    return {"kills": done, "lost_at_each_kill": lost, "votes": votes, "answered": answered(url)}


def broken(result: dict, items: int, prompts: int) -> list[str]:
    """List the laws that a result breaks."""
    calls = items * prompts
    laws = {
        "every vote is there": result["votes"] == calls,
        "nothing is repeated but what was on its way": result["answered"]
        == calls + sum(result["lost_at_each_kill"]),
        "no more is on its way than there are slots": max(result["lost_at_each_kill"], default=0)
        <= AT_ONCE,
    }
    return [law for law, holds in laws.items() if not holds]


@click.command()
@click.option("--items", default=5000, show_default=True)
@click.option("--prompts", default=6, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--delay", default=0.05, show_default=True)
@click.option("--out", type=Path, default=HERE / "crash.json", show_default=True)
@click.option("--child", "as_child", nargs=2, default=None, hidden=True)
def main(
    items: int,
    prompts: int,
    kills: int,
    seed: int,
    delay: float,
    out: Path,
    as_child: tuple[str, str] | None,
) -> None:
    """Kill, start again, compare."""
    if as_child:
        return child(*as_child, items, prompts)
    command = [sys.executable, "-m", "labelfns.rehearse", "--port", "0", "--delay", str(delay)]
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as server,
    ):
        try:
            url = json.loads(server.stdout.readline())["openai"]
            store = Path(folder) / "store.sqlite"
            result = crash(url, store, items, prompts, kills, random.Random(seed))
        finally:
            server.terminate()
    result |= {"items": items, "prompts": prompts, "seed": seed, "delay": delay}
    result |= {"seconds": round(time.perf_counter() - started, 1)}
    result |= {"python": platform.python_version(), "broken": broken(result, items, prompts)}
    out.write_text(json.dumps(result) + "\n")
    print(result)
    sys.exit(1 if result["broken"] else 0)


if __name__ == "__main__":
    main()
