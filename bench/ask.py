"""How fast questions go out, against the loop one writes by hand and against peers.

    python bench/ask.py --items data/contracts/items.jsonl \
        --peer instructor=VENV/bin/python --peer curator=VENV/bin/python ...

One rehearsed server (`python -m labelfns.rehearse`) answers after 200 ms; every contender asks it
the same question about the same clauses, 64 at once where it can. Each runs in a process of its own
from its own virtual environment; imports do not count. The contenders take turns, and the fastest
of each one's rounds counts, since what else a machine does only ever slows one down. Offline,
curator and autolabel need TIKTOKEN_CACHE_DIR set to a folder with the encodings. Writes
bench/results/ask.json.

`possible` is at_once / delay calls a second; `share` of it is what was reached; `cpu_ms` is the
contender's own CPU time a call, in milliseconds (the server's does not count). On a busy machine
the share says more of the machine than of the contender: `slots_busy`, where a contender gives it,
is the share of the slots' time in which a call was on its way.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import click

HERE = Path(__file__).parent
SCRIPTS = {"ours": "ours", "plain": "plain", "instructor": "with_instructor",
           "curator": "with_curator", "autolabel": "with_autolabel"}  # fmt: skip
PACKAGES = {"ours": "openai", "plain": "openai", "instructor": "instructor",
            "curator": "bespokelabs-curator", "autolabel": "refuel-autolabel"}  # fmt: skip
SERIAL = {"autolabel": 100}  # contenders that ask one after the other get fewer questions


def versions(python: str, package: str) -> str:
    """Give the version of `package` where `python` runs."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def contend(name: str, python: str, url: str, items: str, count: int, at_once: int) -> dict:
    """Let one contender ask; give its row."""
    script = HERE / "asking" / f"{SCRIPTS[name]}.py"
    asked = min(count, SERIAL.get(name, count))
    command = [python, str(script), url, items, str(asked), str(at_once)]
    # Peers start elsewhere, so that nothing of this repository is on their path.
    folder = HERE.parent if name in ("ours", "plain") else Path(tempfile.mkdtemp())
    settings = {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": url, "TELEMETRY_ENABLED": "false"}
    settings |= {"CURATOR_CACHE_DIR": str(folder), "CURATOR_VIEWER": "0"}
    settings |= {"PYTHONPATH": str(HERE.parent) if name == "ours" else ""}
    environment = {**os.environ, **settings}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, timeout=600
    )
    row = {"name": name, "package": f"{PACKAGES[name]} {versions(python, PACKAGES[name])}"}
    if done.returncode:
        return {**row, "error": done.stderr.strip().splitlines()[-1][:200]}
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return {**row, "asked": asked, **said}


def judged(row: dict, possible: float) -> dict:
    """Add what follows from a contender's row."""
    if "error" in row:
        return row
    rate = row["asked"] / row["seconds"]
    more = {
        "per_second": rate,
        "share": rate / possible,
        "cpu_ms": 1000 * row["cpu"] / row["asked"],
    }
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in {**row, **more}.items()}


def better(old: dict | None, new: dict) -> dict:
    """Give the faster of two rows, with the rates of all rounds."""
    if old is None or "error" in new:
        return {**new, "rounds": [new.get("per_second")]}
    rates = [*old["rounds"], new["per_second"]]
    return {**(new if new["per_second"] == max(rates) else old), "rounds": rates}


@click.command()
@click.option("--items", "file", type=Path, required=True, help="A JSONL file with a text column.")
@click.option("--count", default=3000, show_default=True)
@click.option("--at-once", default=64, show_default=True)
@click.option("--delay", default=0.2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="The fastest of each counts.")
@click.option("--peer", multiple=True, help="NAME=PYTHON, a peer and the interpreter that has it.")
@click.option("--out", type=Path, default=HERE / "results" / "ask.json", show_default=True)
def main(
    file: Path,
    count: int,
    at_once: int,
    delay: float,
    rounds: int,
    peer: tuple[str, ...],
    out: Path,
) -> None:
    """Run all contenders, one after the other, against one server."""
    possible = at_once / delay
    pythons = {"ours": sys.executable, "plain": sys.executable}
    pythons |= dict(entry.split("=", 1) for entry in peer)
    rows = [json.loads(line)["text"] for line in file.read_text().splitlines()]
    texts = (rows * (count // len(rows) + 1))[:count]
    # A number makes each question its own, so that no contender may answer one from a cache.
    texts = [f"{i}. {text[:2000]}" for i, text in enumerate(texts)]
    server = [sys.executable, "-m", "labelfns.rehearse", "--port", "0", "--delay", str(delay)]
    with (
        tempfile.NamedTemporaryFile("w", suffix=".json") as items,
        subprocess.Popen(server, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as process,
    ):
        json.dump(texts, items)
        items.flush()
        url = json.loads(process.stdout.readline())["openai"]
        best: dict[str, dict] = {}
        for _ in range(rounds):
            for name, python in pythons.items():
                row = judged(contend(name, python, url, items.name, count, at_once), possible)
                print(row, flush=True)
                best[name] = better(best.get(name), row)
        process.terminate()
    result = {
        "possible_per_second": possible,
        "rounds": rounds,
        "delay": delay,
        "at_once": at_once,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "rows": list(best.values()),
    }
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
