import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner
from servers import ask_all, ask_one, question

from labelfns.backends.anthropic import anthropic_backend
from labelfns.backends.openai import openai_backend
from labelfns.errors import AskError
from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble
from labelfns.rehearse.__main__ import faults_from, main


def test_the_same_prompt_gets_the_same_answer():
    with Rehearsal() as one, Rehearsal() as other:
        asks = [openai_backend("m", server.openai_url) for server in (one, other)]
        pairs = [[ask_one(ask, question(str(i))).text for ask in asks] for i in range(20)]
    assert all(a == b for a, b in pairs) and len({a for a, _ in pairs}) == 2


def test_it_says_what_it_is_told_to_say():
    with Rehearsal(Manners(says=lambda prompt, choices: choices[len(prompt) % 2])) as server:
        ask = openai_backend("m", server.openai_url)
        assert [ask_one(ask, question("x" * n)).text for n in (1, 2)] == ["no", "yes"]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_it_fills_in_forms(provider):
    form = (("law", ("yes", "no")), ("kind", ("a", "b", "c")), ("reason", ()))
    with Rehearsal() as server:
        make = {"openai": openai_backend, "anthropic": anthropic_backend}[provider]
        url = server.openai_url if provider == "openai" else server.anthropic_url
        said = json.loads(ask_one(make("m", url), question(choices=(), form=form)).text)
    assert said["law"] in ("yes", "no") and said["kind"] in "abc" and said["reason"]


def test_it_counts_whole_answers_and_repeats():
    with Rehearsal() as server:
        ask = openai_backend("m", server.openai_url)
        ask_all(ask, [question(str(i % 3)) for i in range(5)])
        assert server.counts() == {"answered": 5, "repeated": 2, "statuses": {200: 5}}
        server.manners.faults = [Fault(Trouble.DROP)]
        ask_all(ask, [question("x")])
        assert server.calls == 5


def test_faults_hit_the_share_or_the_first_ones():
    manners = Manners(faults=[Fault(Trouble.FAIL, first=2), Fault(Trouble.DROP, 0.3)])
    drawn = [manners.trouble() for _ in range(1000)]
    assert drawn[:2] == [Trouble.FAIL] * 2 and Trouble.FAIL not in drawn[2:]
    assert 200 < drawn.count(Trouble.DROP) < 400
    again = Manners(faults=manners.faults)
    assert [again.trouble() for _ in range(1000)] == drawn


def test_what_is_not_there_is_404():
    with Rehearsal() as server, pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(server.openai_url + "/nothing")


def test_a_caller_who_goes_away_disturbs_nobody():
    with Rehearsal(Manners(delay=0.2)) as server:
        with pytest.raises(AskError):
            ask_one(openai_backend("m", server.openai_url, timeout=0.02))
        assert ask_one(openai_backend("m", server.openai_url)).text in ("yes", "no")
    assert server.calls <= 2


def test_it_runs_as_a_program_of_its_own():
    command = [sys.executable, "-m", "labelfns.rehearse", "--port", "0", "--delay", "0"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        assert ask_one(openai_backend("m", urls["openai"])).text in ("yes", "no")
        with urllib.request.urlopen(urls["anthropic"] + "/rehearse/counts") as reply:
            assert json.load(reply)["answered"] == 1
        process.send_signal(signal.SIGINT)
        assert json.loads(process.stdout.read())["answered"] == 1


def test_faults_on_the_command_line():
    assert faults_from(("drop=0.5", "fail")) == [Fault(Trouble.DROP, 0.5), Fault(Trouble.FAIL)]
    result = CliRunner().invoke(main, ["--fault", "explode=1"])
    assert result.exit_code == 2 and "is not NAME=SHARE" in result.output
