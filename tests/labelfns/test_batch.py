import json
import sqlite3

import pytest
from servers import question

from labelfns.ask import Answer, Message, Request
from labelfns.backends.anthropic import anthropic_backend
from labelfns.backends.anthropic_batch import AnthropicBatch
from labelfns.backends.batch import ROUNDS, ask_in_batches
from labelfns.backends.book import Book
from labelfns.backends.openai import openai_backend
from labelfns.backends.openai_batch import OpenAIBatch
from labelfns.errors import BadKey, Busy, OverBudget, Rejected
from labelfns.layers import Purse
from labelfns.prices import Price
from labelfns.rehearse import Fault, Manners, Rehearsal, Trouble
from labelfns.store import Store

PRICE = Price(input=1.0, output=10.0)
QUESTIONS = [question(f"Is it {i}?") for i in range(40)]


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.fixture
def server():
    with Rehearsal() as server:
        yield server


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store.sqlite") as store:
        yield store


def openai_parts(server):
    backend = openai_backend("m", server.openai_url, price=PRICE)
    return backend, OpenAIBatch(backend)


def anthropic_parts(server):
    backend = anthropic_backend("m", server.anthropic_url, price=PRICE)
    return backend, AnthropicBatch(backend)


@pytest.fixture(params=[openai_parts, anthropic_parts], ids=["openai", "anthropic"])
def parts(request):
    return request.param


async def no_sleep(seconds):
    pass


def run(parts, server, store, requests=QUESTIONS, sleep=no_sleep, **more):
    backend, service = parts(server)
    return ask_in_batches(requests, service, backend, store, sleep=sleep, **more)


def rows(server):
    return sum(batches.rows for batches in server._batches)


def jobs(server):
    return [job for batches in server._batches for job in batches.jobs.values()]


def known(store, requests=QUESTIONS):
    return [store.answer(request.key()) for request in requests]


def test_every_question_is_answered_at_half_the_price(parts, server, store):
    assert run(parts, server, store) == []
    answers = known(store)
    assert all(isinstance(a, Answer) and a.text in ("yes", "no") for a in answers)
    assert rows(server) == 39 and server.calls == 1  # the first one goes live
    live, *rest = (a.cost / PRICE.cost(a.input_tokens, a.output_tokens) for a in answers)
    assert live == pytest.approx(1.0) and rest == [pytest.approx(0.5)] * 39
    assert store.spent() == pytest.approx(sum(a.cost for a in answers))


def test_the_answers_are_those_that_live_questions_get(parts, server, store, tmp_path):
    from servers import ask_all

    run(parts, server, store)
    live = ask_all(parts(server)[0], QUESTIONS)
    assert [a.text for a in known(store)] == [a.text for a in live]


def test_rows_that_fail_are_sent_again(parts, server, store):
    server.manners.batch_failures = 0.1
    assert run(parts, server, store, QUESTIONS * 1) == []
    assert rows(server) > 39 and all(known(store))


def test_rows_that_keep_failing_are_left_and_noted(parts, server, store):
    server.manners.batch_failures = 1.0
    left = run(parts, server, store)
    assert len(left) == 39 and len(jobs(server)) == ROUNDS
    assert store.connection.execute(
        "SELECT count(*) FROM calls WHERE outcome = 'busy'"
    ).fetchone() == (39,)


def test_rows_that_expired_are_sent_again(parts, server, store):
    server.manners.batch_expires = True
    server.manners.batch_failures = 0.1
    assert run(parts, server, store) == [] and all(known(store))


def test_batches_keep_to_the_services_limits(parts, server, store):
    backend, service = parts(server)
    service.most_rows = 10
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert sorted(len(job["rows"]) for job in jobs(server)) == [9, 10, 10, 10]


def test_batches_keep_to_the_services_bytes(parts, server, store):
    backend, service = parts(server)
    service.most_bytes = 10_500
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert max(len(job["rows"]) for job in jobs(server)) == 5


def test_a_run_that_is_killed_while_it_waits_is_resumed_and_sends_nothing_twice(
    parts, server, store
):
    async def killed(seconds):
        raise Killed

    server.manners.batch_seconds = 0.05
    with pytest.raises(Killed):
        run(parts, server, store, sleep=killed)
    assert run(parts, server, store) == []
    assert rows(server) == 39 and len(jobs(server)) == 1 and all(known(store))
    assert Book(store.connection, parts(server)[1].name).under_way() == []


def test_a_run_that_is_killed_before_the_id_is_known_finds_its_batch(
    parts, server, store, monkeypatch
):
    def killed(self, name, remote):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Book, "sent", killed)
        with pytest.raises(Killed):
            run(parts, server, store)
    assert run(parts, server, store) == []
    assert rows(server) == 39 and len(jobs(server)) == 1 and all(known(store))


def test_a_run_that_is_killed_before_it_sent_sends_afterwards(parts, server, store):
    backend, service = parts(server)
    Book(store.connection, service.name).open(QUESTIONS[:5])
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert rows(server) == 39 and all(known(store))


def test_a_run_that_is_killed_while_it_reads_pays_nothing_twice(parts, server, store, monkeypatch):
    remember, count = Store.remember, []

    def killed(self, request, answer):
        count.append(1)
        if len(count) == 20:
            raise Killed
        remember(self, request, answer)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remember", killed)
        with pytest.raises(Killed):
            run(parts, server, store)
    assert run(parts, server, store) == []
    assert rows(server) == 39
    assert store.connection.execute("SELECT count(*) FROM calls").fetchone() == (40,)


def test_what_is_under_way_is_kept_though_the_prompt_has_changed(parts, server, store):
    async def killed(seconds):
        raise Killed

    with pytest.raises(Killed):
        run(parts, server, store, sleep=killed)
    other = [question("Another prompt")]
    assert run(parts, server, store, other) == []
    assert all(known(store)) and all(known(store, other))


def test_a_broken_line_while_sending_sends_nothing_twice(parts, server, store, monkeypatch):
    backend, service = parts(server)
    submit, tries = type(service).submit, []

    async def broken(self, entry):
        tries.append(await submit(self, entry))
        raise Busy("the line broke after the provider had it all")

    monkeypatch.setattr(type(service), "submit", broken)
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert len(tries) == 1 and rows(server) == 39


def test_a_bad_key_is_found_out_before_anything_is_sent(parts, server, store):
    server.manners.key = "right"
    with pytest.raises(BadKey):
        run(parts, server, store)
    assert rows(server) == 0 and server.statuses == {401: 1}


def test_settings_are_found_out_before_anything_is_sent(parts, server, store):
    server.manners.unsupported = ["temperature"]
    assert run(parts, server, store) == []
    (job,) = jobs(server)
    assert all("temperature" not in json.dumps(row) for row in job["rows"])


def test_only_what_the_budget_could_pay_at_the_worst_is_sent_at_once(parts, server, store):
    each = PRICE.worst(QUESTIONS[0])
    purse = Purse(10 * each)
    assert run(parts, server, store, purse=purse) == []
    assert len(jobs(server)) > 1 and purse.spent <= purse.limit
    assert purse.spent == pytest.approx(store.spent()) and purse.held == pytest.approx(0.0)


def test_a_budget_that_is_used_up_stops_the_run(parts, server, store):
    short = [question(f"Is it {i}?", max_tokens=1) for i in range(40)]
    each = PRICE.worst(short[0])
    with pytest.raises(OverBudget):
        run(parts, server, store, short, purse=Purse(1.1 * each))
    assert 0 < sum(a is not None for a in known(store, short)) < 40
    assert store.spent() <= 1.1 * each


def test_what_an_earlier_run_has_under_way_is_held(parts, server, store):
    async def killed(seconds):
        raise Killed

    with pytest.raises(Killed):
        run(parts, server, store, sleep=killed)
    purse = Purse(1.0, store.spent)

    async def look(seconds):
        assert purse.held > 0

    assert run(parts, server, store, sleep=look, purse=purse) == []
    assert purse.spent == pytest.approx(store.spent())


def test_a_busy_service_is_asked_again(parts, server, store):
    server.manners.faults = [Fault(Trouble.FAIL, first=2)]
    assert run(parts, server, store) == []


def test_refusals_in_a_batch_are_noted_and_not_sent_again(parts, server, store):
    server.manners.says = lambda prompt, choices: "I will not."
    backend, service = parts(server)
    read = service.read

    def refusing(request, result):
        read(request, result)
        raise Rejected("400")

    service.read = refusing
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert rows(server) == 39
    assert store.connection.execute(
        "SELECT count(*) FROM calls WHERE outcome = 'rejected'"
    ).fetchone() == (39,)


def test_a_batch_that_came_to_nothing_is_sent_again_in_halves_one_at_a_time(
    parts, server, store, monkeypatch
):
    backend, service = parts(server)
    results, most = type(service).results, []

    async def too_much(self, remote):
        found = await results(self, remote)
        most.append(len(found))
        return found if len(found) <= 10 else {}

    monkeypatch.setattr(type(service), "results", too_much)
    assert ask_in_batches(QUESTIONS, service, backend, store, sleep=no_sleep) == []
    assert most[:3] == [39, 19, 9] and max(most[2:]) <= 10 and all(known(store))


def test_progress_is_told(parts, server, store):
    told = []
    run(parts, server, store, progress=lambda done, of: told.append((done, of)))
    assert told[0] == (1, 40)


def test_nothing_to_ask_asks_nothing(parts, server, store):
    assert run(parts, server, store, []) == [] and server.statuses.total() == 0


def test_services_do_not_see_each_others_batches(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    Book(connection, "one").open(QUESTIONS[:1])
    assert Book(connection, "two").under_way() == []
    (entry,) = Book(connection, "one").under_way()
    assert list(entry.requests.values()) == QUESTIONS[:1] and entry.remote is None


def test_a_request_comes_back_from_the_book_as_it_was(tmp_path):
    form = (("answer", ("yes", "no")), ("reason", ()))
    wanted = Request("m", (Message("user", "é"),), ("yes", "no"), 5, 0.5, form)
    book = Book(sqlite3.connect(tmp_path / "x.sqlite"), "one")
    assert book.open([wanted]).requests == {wanted.key(): wanted}


def test_an_openai_batch_that_is_refused_as_a_whole_says_why(server, store, monkeypatch):
    from labelfns.rehearse.batches import OpenAIBatches

    def failed(self, job, manners):
        problem = {"code": "invalid_json", "message": "line 3", "line": 3, "param": None}
        return {
            "id": job["id"], "object": "batch", "status": "failed", "created_at": 0,
            "endpoint": "x", "completion_window": "24h", "input_file_id": "f",
            "errors": {"data": [problem], "object": "list"},
        }  # fmt: skip

    monkeypatch.setattr(OpenAIBatches, "_shown", failed)
    with pytest.raises(Rejected, match="line 3"):
        run(openai_parts, server, store)
    assert Book(store.connection, openai_parts(server)[1].name).under_way() == []


def test_manners_default_to_no_failures():
    assert not any(Manners().row_fails() for _ in range(100))
