"""A key never reaches what Jurat writes, logs or says, whatever the server does with it."""

import logging
import traceback

import pytest
from servers import ask_all, question

from labelfns.backends.anthropic import anthropic_backend
from labelfns.backends.anthropic_batch import AnthropicBatch
from labelfns.backends.batch import ask_in_batches
from labelfns.backends.openai import openai_backend
from labelfns.backends.openai_batch import OpenAIBatch
from labelfns.errors import Fatal
from labelfns.layers import limited, patient
from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble
from labelfns.store import Store, remembered

CANARY = "sk-canary-0123456789"
TROUBLES = [Fault(kind, 0.08) for kind in Trouble if kind is not Trouble.BAD_KEY]


async def no_sleep(seconds):
    pass


@pytest.fixture(params=["openai", "anthropic"])
def parts(request, monkeypatch):
    monkeypatch.setenv(f"{request.param.upper()}_API_KEY", CANARY)

    def make(server):
        if request.param == "openai":
            backend = openai_backend("m", server.openai_url)
            return backend, OpenAIBatch(backend)
        backend = anthropic_backend("m", server.anthropic_url)
        return backend, AnthropicBatch(backend)

    return make


def everything(folder, caplog, capfd, errors):
    said = [*(record.getMessage() for record in caplog.records), *capfd.readouterr()]
    said += ["".join(traceback.format_exception(error)) for error in errors]
    written = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    return "\n".join(said).encode() + b"".join(written)


def test_through_every_trouble(parts, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with Rehearsal(Manners(faults=TROUBLES)) as server, Store(tmp_path / "s.sqlite") as store:
        backend, _ = parts(server)
        ask = remembered(patient(limited(backend), tries=2, sleep=no_sleep), store)
        answers = ask_all(ask, [question(str(i)) for i in range(100)])
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len({type(error) for error in errors}) >= 3
        seen = everything(tmp_path, caplog, capfd, errors)
    assert len(seen) > 1000 and CANARY.encode() not in seen


def test_when_the_server_quotes_it(parts, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with Rehearsal(Manners(key="another")) as server, Store(tmp_path / "s.sqlite") as store:
        backend, service = parts(server)
        ask = remembered(limited(backend), store)
        answers = ask_all(ask, [question(str(i)) for i in range(10)])
        assert all(isinstance(answer, Fatal) for answer in answers)
        with pytest.raises(Fatal) as caught:
            ask_in_batches([question("x")], service, backend, store, sleep=no_sleep)
        seen = everything(tmp_path, caplog, capfd, [*answers, caught.value])
    assert CANARY.encode() not in seen


def test_in_batches(parts, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with (
        Rehearsal(Manners(batch_failures=0.2)) as server,
        Store(tmp_path / "s.sqlite") as store,
    ):
        backend, service = parts(server)
        wanted = [question(str(i)) for i in range(20)]
        ask_in_batches(wanted, service, backend, store, sleep=no_sleep)
        seen = everything(tmp_path, caplog, capfd, [])
    assert CANARY.encode() not in seen
