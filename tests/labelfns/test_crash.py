import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "crash.py"


@pytest.mark.slow
def test_a_killed_run_loses_no_answer_and_repeats_none(tmp_path):
    """The same as `bench/crash.py`, smaller: SIGKILL at random instants."""
    out = tmp_path / "crash.json"
    command = [sys.executable, str(SCRIPT), "--items", "200", "--prompts", "2", "--kills", "3"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
    assert out.exists(), done.stderr
    result = json.loads(out.read_text())
    assert result["broken"] == [] and result["votes"] == 400 and done.returncode == 0
