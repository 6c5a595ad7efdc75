"""Score label models on a folder of vote sets: no gold, a little of it, and voters copied.

    python bench/votes.py --votes DIR [--peers peers.json] [--draws 20] [--out FILE]

A set is an .npz with `L` (n, m) integers and -1, `y` (n,), `classes`, and, if it likes, `regime`.
Accuracy shares ties: a row with t equal tops counts 1/t. Prints a table and writes the numbers.
"""

import argparse
import json
import platform
import warnings
from pathlib import Path

import numpy as np
import scipy

from labelmodel import IBCC, DawidSkene, LabelModel, MajorityVote, OneCoin, Triplet, WeightedVote
from labelmodel.calibration import calibration

MODELS = [LabelModel, MajorityVote, WeightedVote, DawidSkene, OneCoin, IBCC, Triplet]
FAILING = ("llm_discourse", "llm_indian_english_dialect")  # a peer has no answer there


def accuracy(p: np.ndarray, y: np.ndarray) -> float:
    """Share of rows whose top class is right; a tie of t classes counts 1/t."""
    top = p >= p.max(axis=1, keepdims=True) - 1e-9
    return float((top[np.arange(len(y)), y] / top.sum(axis=1)).mean())


def read(path: Path) -> tuple[np.ndarray, np.ndarray, int, str]:
    """Read votes, gold, number of classes and regime of one set."""
    z = np.load(path)
    regime = str(z["regime"]) if "regime" in z else "all"
    return z["L"].astype(np.int64), z["y"].astype(np.int64), len(z["classes"]), regime


def without_gold(L: np.ndarray, y: np.ndarray, k: int) -> dict:
    """Take accuracy and calibration error of every model that sees no gold."""
    row = {}
    for model in MODELS:
        p = model(k).fit(L).predict_proba(L)
        collapsed = len(np.unique(p.argmax(axis=1))) == 1 < len(np.unique(y))
        row[model.__name__] = {
            "accuracy": accuracy(p, y),
            "ece": calibration(p, y).ece,
            "collapsed": bool(collapsed),
        }
    return row


def with_gold(L: np.ndarray, y: np.ndarray, k: int, rows: int, draws: int) -> dict:
    """Take mean accuracy on the rest: with gold, without it, and of the single voter it picks."""
    before = LabelModel(k).fit(L).predict_proba(L)
    found = []
    for seed in range(draws):
        some = np.random.default_rng(seed).choice(len(y), min(rows, len(y) // 2), replace=False)
        gold = np.full(len(y), -1)
        gold[some] = y[some]
        rest = gold < 0
        after = LabelModel(k).fit(L, gold).predict_proba(L)
        best = (L[some] == y[some, None]).mean(axis=0).argmax()
        single = (L[rest, best] == y[rest]).mean()
        found.append((accuracy(after[rest], y[rest]), accuracy(before[rest], y[rest]), single))
    return dict(zip(("gold", "none", "best_single"), np.mean(found, axis=0).tolist(), strict=True))


def with_copies(L: np.ndarray, y: np.ndarray, k: int, copies: int = 20) -> dict:
    """Take the largest change of accuracy when one voter is there `copies` times."""
    alone = accuracy(LabelModel(k).fit(L).predict_proba(L), y)
    moved = []
    for j in range(L.shape[1]):
        many = np.hstack([L, np.repeat(L[:, [j]], copies - 1, axis=1)])
        moved.append(accuracy(LabelModel(k).fit(many).predict_proba(many), y) - alone)
    return {"first": moved[0], "largest": float(max(moved, key=abs))}


def summary(sets: dict, peers: dict) -> dict:
    """Take means of each regime; the dense ones without the sets where a peer fails."""
    out = {}
    for regime in sorted({s["regime"] for s in sets.values()}):
        names = [n for n, s in sets.items() if s["regime"] == regime and n not in FAILING]
        out[regime] = {"sets": len(names)}
        for model in sets[names[0]]["models"]:
            for what in ("accuracy", "ece"):
                values = [sets[n]["models"][model][what] for n in names]
                out[regime][f"{model}_{what}"] = round(float(np.mean(values)), 4)
        for what in ("gold_50", "copies"):
            for key in sets[names[0]].get(what, {}):
                values = [sets[n][what][key] for n in names]
                out[regime][f"{what}_{key}"] = round(float(np.mean(values)), 4)
    every = sets.values()
    out["collapsed"] = sum(s["models"]["LabelModel"]["collapsed"] for s in every)
    out["below_floor"] = {n: round(short, 4) for n in sets if (short := floor(n, sets, peers)) < 0}
    return out


def floor(name: str, sets: dict, peers: dict) -> float:
    """Take accuracy above max(majority, Dawid-Skene) - 0.01, of the peers where recorded."""
    models, peer = sets[name]["models"], peers.get(name)
    if peer:
        least = max(peer[m]["acc"] or 0 for m in ("majority", "dawid_skene"))
    else:
        least = max(models[m]["accuracy"] for m in ("MajorityVote", "DawidSkene"))
    return models["LabelModel"]["accuracy"] - least + 0.01


def main() -> None:
    """Score, print, write."""
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("--votes", type=Path, required=True)
    a.add_argument("--peers", type=Path)
    a.add_argument("--draws", type=int, default=20)
    a.add_argument("--out", type=Path, default=Path("bench/results/votes.json"))
    o = a.parse_args()
    warnings.simplefilter("ignore")
    peers = json.loads(o.peers.read_text()) if o.peers else {}
    sets = {}
    for path in sorted(o.votes.glob("*.npz")):
        L, y, k, regime = read(path)
        sets[path.stem] = s = {"regime": regime, "models": without_gold(L, y, k)}
        s["gold_50"] = with_gold(L, y, k, 50, o.draws)
        if regime == "dense":
            s["copies"] = with_copies(L, y, k)
        cells = " ".join(f"{r['accuracy']:.4f}" for r in s["models"].values())
        print(f"{path.stem:<28}{cells}  gold {s['gold_50']['gold']:.4f}", flush=True)
    print("columns:", " ".join(m.__name__ for m in MODELS))
    result = {"summary": summary(sets, peers), "sets": sets, "draws": o.draws, "seed": 0}
    result["machine"] = f"{platform.machine()} python {platform.python_version()}"
    result["versions"] = {"numpy": np.__version__, "scipy": scipy.__version__}
    o.out.parent.mkdir(parents=True, exist_ok=True)
    o.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
