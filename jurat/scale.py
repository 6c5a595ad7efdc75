"""The trained student over a corpus of any size: streamed, in numbered parts, resumable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from jurat.files import digest, replacing, write_json
from jurat.models import Progress
from jurat.models.progress import silent
from jurat.tables import SUFFIXES, count_rows, is_missing, rows
from labelfns import InputError

Row = dict[str, Any]
MANIFEST = "_manifest.json"  # readers of Parquet folders pass over names with an underscore


def label(
    corpus: Path | str,
    out: Path | str,
    student: Path | str,
    *,
    text: str = "text",
    rows: int = 4096,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Label every row of `corpus` into Parquet files of `rows` rows: id, label, confidence.

    A row without text gets no label; a row without an id is known by its number, from 0. Holds one
    part in memory. A run that was killed goes on after its last whole part. Gives the manifest.
    Raises InputError where the corpus cannot be read, or where `out` holds labels of another
    corpus or student.
    """
    corpus, out, student = Path(corpus), Path(out), Path(student)
    files = _files(corpus)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            manifest = _manifest(out, files, student, text, rows)
            return _label(files, out, student, manifest, progress)
    except Timeout:
        raise InputError("another run is labelling into this folder; wait for it", out) from None


def _label(
    files: Sequence[Path], out: Path, student: Path, manifest: Row, progress: Progress
) -> Row:
    if manifest["done"]:
        return manifest
    from student import Student

    text, size = manifest["of"]["text"], manifest["of"]["rows"]
    model = Student.load(student)
    done = sum(part["rows"] for part in manifest["parts"])
    total = _total(files)
    stream = _stream(files, text, done)
    while chunk := list(islice(stream, size)):
        name = f"part-{len(manifest['parts']):05}.parquet"
        counts = _write(chunk, text, model, out / name)
        manifest["parts"].append({"file": name, "rows": len(chunk), "labels": counts})
        write_json(out / MANIFEST, manifest)
        done += len(chunk)
        progress("labelling", done, max(total, done))
    manifest["done"] = True
    write_json(out / MANIFEST, manifest)
    return manifest


def _files(corpus: Path) -> list[Path]:
    found = [corpus]
    if corpus.is_dir():
        found = sorted(f for f in corpus.iterdir() if f.suffix in SUFFIXES)
    if not found:
        raise InputError(f"holds none of {', '.join(SUFFIXES)}", corpus)
    return found


def _manifest(out: Path, files: Sequence[Path], student: Path, text: str, rows: int) -> Row:
    """Read what was done before, and refuse to mix it with something else."""
    if not (student / "config.json").is_file():
        raise InputError("there is no trained student here; `jurat train` makes one", student)
    sizes = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    of = {"corpus": sizes, "student": digest(student), "text": text, "rows": rows}
    if not (out / MANIFEST).exists():
        return {"of": of, "done": False, "parts": []}
    before: Row = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    for what, now in of.items():
        if before["of"][what] != now:
            raise InputError(
                f"holds labels made with another {what}; choose another folder or delete it", out
            )
    return before


def _total(files: Sequence[Path]) -> int:
    counts = [count_rows(file) for file in files]
    return 0 if None in counts else sum(n or 0 for n in counts)


def _stream(files: Sequence[Path], text: str, skip: int) -> Iterator[tuple[str, str | None]]:
    """Stream (id, text) of all rows after the first `skip`."""
    number = 0
    for file in files:
        # Parquet knows its rows: what is done is not even read.
        start = min(skip - number, count_rows(file) or 0) if number < skip else 0
        number += start
        for line, row in rows(file, start):
            if number >= skip:
                yield _id(row, number), _text(row, text, file, line)
            number += 1


def _id(row: Row, number: int) -> str:
    return str(number) if is_missing(row.get("id")) else str(row["id"])


def _text(row: Row, text: str, file: Path, line: int) -> str | None:
    if text not in row:
        raise InputError(
            f"has no column {text!r}; there are {', '.join(row)}: choose one with --text",
            file,
            line,
        )
    return None if is_missing(row[text]) else str(row[text])


def _write(
    chunk: Sequence[tuple[str, str | None]], text: str, model: Any, file: Path
) -> dict[str, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [said for _, said in chunk if said is not None]
    probs = model.predict_proba(texts) if texts else []
    found = iter([(model.classes[int(p.argmax())], float(p.max())) for p in probs])
    labels = [(None, None) if said is None else next(found) for _, said in chunk]
    columns = {
        "id": pa.array([i for i, _ in chunk], pa.string()),
        "label": pa.array([name for name, _ in labels], pa.string()),
        "confidence": pa.array([sure for _, sure in labels], pa.float32()),
    }
    with replacing(file) as partial:
        pq.write_table(pa.table(columns), partial, compression="zstd")
    return dict(Counter(name or "" for name, _ in labels).most_common())
