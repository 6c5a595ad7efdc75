"""What the tests share about the tickets: a script that answers, patterns, and running commands."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from jurat.cli import main

TICKETS = Path(__file__).with_name("tickets.csv")
SCRIPT = r"""
    backend: scripted
    script:
      '(parcel|deliver|package|courier|ship).*about: Shipping': "yes"
      '(charged|invoice|refund|payment|price|fee|receipt).*about: Billing': "yes"
      '(password|log in|login|sign|account).*about: Login': "yes"
      'about: \w+\?': "no"
      '(parcel|deliver|package|courier|ship).*\nA\. Billing': "C"
      '(password|log in|login|sign).*\nA\. Billing': "B"
      '\nA\. Billing': "A"
"""
PATTERNS = """\
money: {class: Billing, any: ['\\b(invoice|refund|charged|receipt)\\b']}
parcel: {class: Shipping, any: ['parcel|courier|deliver', 'package']}
password: {class: Login, any: ['password|log(ged)? in']}
"""


def jurat(*args: object) -> object:
    """Run a command in this process; gives exit code, output and errors."""
    return CliRunner().invoke(main, [str(a) for a in args])


def edit(file: Path, *pairs: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, (old, text)
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def use_script(folder: Path) -> None:
    """Ask the script instead of a local model."""
    task = folder / "task.yaml"
    text = task.read_text(encoding="utf-8")
    local = re.search(r" *\{backend: local.*\}", text)
    task.write_text(text.replace(local.group(), SCRIPT), encoding="utf-8")


def prepare(folder: Path, encoder: Path) -> None:
    """Make the fresh task fit for a test: a script to ask, a tiny encoder, a test split."""
    task = folder / "task.yaml"
    use_script(folder)
    edit(task, ("all-MiniLM-L6-v2", str(encoder)),
         ("epochs: 3", "epochs: 4, learning_rate: 3e-3, batch_size: 8, max_length: 32"),
         ("encoder:", "test: test.csv\nencoder:"))  # fmt: skip
    (folder / "patterns.yaml").write_text(PATTERNS, encoding="utf-8")
    truth = {"T0": "Billing", "T1": "Billing", "T3": "Shipping", "T5": "Login"}
    held = [f"T{n:02}" for n in (7, 9, 11, 13, 32, 34, 36, 38, 51, 53, 55, 57)]
    lines = [f"{i},{truth[i[:2]]}\n" for i in held]
    (folder / "test.csv").write_text("id,label\n" + "".join(lines), encoding="utf-8")
