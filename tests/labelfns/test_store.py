import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
from servers import ask_all, ask_one, question

from labelfns import (
    Answer,
    AskError,
    InputError,
    Item,
    Prompt,
    Store,
    collect,
    only_remembered,
    remembered,
)
from labelfns.backends.scripted import scripted_backend
from labelfns.errors import Busy, NotAsked, Refused, Truncated
from labelfns.store_file import MIGRATIONS

YES = Answer("yes", {"yes": -0.123456789, "no": -2.5}, 10, 4, 1, 0.5, 0.25)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "out" / "answers.sqlite") as store:
        yield store


def test_an_answer_comes_back_as_it_was(store):
    kept = store.remember(question(), YES)
    again = store.answer(question().key())
    assert again == kept and again.remembered and not kept.remembered
    assert again.scores == {"yes": -0.12346, "no": -2.5}
    assert (again.input_tokens, again.cached_tokens, again.output_tokens) == (10, 4, 1)
    assert (again.seconds, again.cost) == (0.5, 0.25)
    assert store.answer(question("other").key()) is None
    assert store.counts() == {"asked": 1} and store.spent() == 0.25


def test_a_question_is_asked_once_over_all_runs(tmp_path):
    asked = []

    def say(request):
        asked.append(request)
        return "yes"

    for _ in range(3):
        with Store(tmp_path / "s") as store:
            ask_one(remembered(scripted_backend(say), store))
    assert len(asked) == 1


def test_the_first_answer_and_the_remembered_one_are_the_same(store):
    ask = remembered(scripted_backend(lambda request: YES), store)
    assert ask_one(ask) == ask_one(ask)


def test_the_same_question_many_times_at_once_is_asked_once(store):
    asked = []

    async def slow(request):
        asked.append(request)
        await asyncio.sleep(0.01)
        return YES

    answers = ask_all(remembered(slow, store), [question()] * 20)
    assert len(asked) == 1 and all(a == answers[0] for a in answers)


def test_when_it_fails_all_who_wait_are_told_and_it_can_be_asked_again(store):
    lines = [Busy("not now"), "yes"]

    async def ask(request):
        await asyncio.sleep(0.01)
        line = lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return Answer(line)

    layer = remembered(ask, store)
    assert all(isinstance(a, Busy) for a in ask_all(layer, [question()] * 3))
    assert ask_one(layer).text == "yes"


@pytest.mark.parametrize("error", [Refused("no"), Truncated("cut"), Busy("full"), AskError("?")])
def test_failures_are_kept_as_calls_and_never_remembered(store, error):
    error.cost = 0.5
    with pytest.raises(type(error)):
        ask_one(remembered(scripted_backend(lambda request: error), store))
    assert store.answer(question().key()) is None
    assert store.spent() == 0.5
    calls = store.connection.execute("SELECT outcome, note FROM calls").fetchall()
    assert calls == [(type(error).__name__.lower(), str(error))]
    assert ask_one(remembered(scripted_backend(lambda request: "yes"), store)).text == "yes"


def test_changing_what_an_answer_means_asks_nothing_and_changing_a_prompt_only_that_prompt(store):
    asked = []

    def say(request):
        asked.append(request.messages[0].content)
        return "yes"

    def labels(*prompts):
        ask = remembered(scripted_backend(say), store)
        return collect(prompts, [Item("i", {"text": "x"})], ask, ["a", "b"]).L.tolist()

    classes = {"a": "", "b": ""}
    one = Prompt("one", "1 {{ text }}", "m", classes, {"yes": (0,), "no": ()})
    two = Prompt("two", "2 {{ text }}", "m", classes, {"yes": (0,), "no": ()})
    assert labels(one, two) == [[0, 0]] and asked == ["1 x", "2 x"]
    assert labels(replace(one, answers={"yes": (1,), "no": (0,)}), two) == [[1, 0]]
    assert asked == ["1 x", "2 x"]
    labels(one, replace(two, template="new {{ text }}"))
    assert asked == ["1 x", "2 x", "new x"]


def test_only_remembered_asks_nobody(store):
    with pytest.raises(NotAsked, match="no answer in the store"):
        ask_one(only_remembered(store))
    store.remember(question(), YES)
    assert ask_one(only_remembered(store)).text == "yes"
    with pytest.raises(NotAsked):
        ask_one(only_remembered(store, source="recorded"))


def test_recorded_answers_are_copied_and_own_ones_stay(tmp_path, store):
    with Store(tmp_path / "recorded") as other:
        other.remember(question("a"), Answer("theirs"))
        other.remember(question("b"), Answer("theirs"))
    store.remember(question("b"), Answer("ours", cost=1.0))
    assert store.seed(tmp_path / "recorded") == 1
    assert store.seed(tmp_path / "recorded") == 0
    assert store.counts() == {"asked": 1, "recorded": 1}
    assert [store.answer(question(t).key()).text for t in "ab"] == ["theirs", "ours"]
    assert store.answer(question("a").key(), "recorded").text == "theirs"
    assert store.answer(question("b").key(), "recorded") is None
    assert store.spent() == 1.0  # recorded answers cost us nothing


def test_recorded_answers_that_are_none(tmp_path, store):
    (tmp_path / "text").write_text("no database, but long enough to look at" * 99)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE t (x)").connection.close()
    for name in ("text", "other", "nothing"):
        with pytest.raises(InputError, match=f"{name}: cannot be read as recorded answers"):
            store.seed(tmp_path / name)
    store.remember(question(), YES)  # and the store goes on


def test_a_second_process_is_told_so(tmp_path, store):
    code = f"from labelfns import Store; from pathlib import Path; Store(Path({str(store.file)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another run is writing to this store; wait for it or stop it" in done.stderr
    with pytest.raises(InputError, match="another run is writing"):
        Store(store.file)
    store.close()
    Store(store.file).close()


def test_a_reader_needs_no_lock(store):
    store.remember(question(), YES)
    with Store(store.file, read_only=True) as reader:
        assert reader.answer(question().key()).text == "yes"
        with pytest.raises(InputError, match="cannot be written"):
            reader.remember(question("b"), YES)


def test_a_reader_of_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="nothing: is no usable store"):
        Store(tmp_path / "nothing", read_only=True)


def test_a_file_that_is_no_store(tmp_path):
    file = tmp_path / "answers.sqlite"
    file.write_text("these are not the answers you are looking for " * 50)
    with pytest.raises(
        InputError, match=r"answers\.sqlite: is no usable store .file is not a data"
    ):
        Store(file)
    file.unlink()
    Store(file).close()  # the lock was given back


def test_another_programs_database_is_left_alone(tmp_path):
    sqlite3.connect(tmp_path / "s").execute("CREATE TABLE photos (x)").connection.close()
    with pytest.raises(InputError, match="is a database, but no store of answers"):
        Store(tmp_path / "s")
    tables = sqlite3.connect(tmp_path / "s").execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("photos",)]


def test_a_store_of_a_later_version(tmp_path):
    Store(tmp_path / "s").close()
    later = sqlite3.connect(tmp_path / "s")
    later.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}").connection.close()
    with pytest.raises(InputError, match="written by a later version"):
        Store(tmp_path / "s")


def test_a_file_damaged_in_the_middle(tmp_path):
    file = tmp_path / "s"
    with Store(file) as store:
        for i in range(300):
            store.remember(question(str(i)), Answer("yes" * 50))
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    told = r"is no usable store .*move it away or restore a copy"
    with pytest.raises(InputError, match=told), Store(file) as store:
        for i in range(300):
            store.answer(question(str(i)).key())
            store.remember(question(f"new {i}"), YES)


def test_a_folder_nobody_may_write_to(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() != 0:
        with pytest.raises(InputError, match=r"cannot be written .Permission denied"):
            Store(folder / "s")
        return
    child = os.fork()  # root may write anywhere: try it as nobody
    if child == 0:
        code = 1
        try:
            os.chown(tmp_path, 65534, 65534)
            os.seteuid(65534)
            Store(folder / "s")
        except InputError as e:
            code = 0 if "cannot be written" in str(e) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FULL = """
    import asyncio, resource, signal, sys
    from pathlib import Path
    from labelfns import Answer, InputError, Message, Request, Store
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Store(Path(sys.argv[1])) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        for i in range(10_000):
            try:
                store.remember(Request("m", (Message("user", f"{i}"),)), Answer("x" * 1000))
            except InputError as e:
                print(e)
                break
            kept = i + 1
    print(kept)
"""


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path / "s")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said, kept = done.stdout.strip().split("\n")
    assert "s: cannot be written (" in said and said.endswith("answers up to here are kept")
    with Store(tmp_path / "s") as store:
        assert store.counts() == {"asked": int(kept)}
        store.remember(question(), YES)


WRITER = """
    import asyncio, sys
    from pathlib import Path
    from labelfns import Answer, Message, Request, Store, remembered
    store, log = Store(Path(sys.argv[1])), open(sys.argv[2], "a", buffering=1)

    async def backend(request):
        log.write(request.messages[0].content + "\\n")  # what the server would count
        await asyncio.sleep(0.0005)
        return Answer("yes")

    async def main():
        ask, gate = remembered(backend, store), asyncio.Semaphore(4)
        async def one(i):
            async with gate:
                await ask(Request("m", (Message("user", str(i)),)))
                print(i, flush=True)  # told to the user: from here on it must not be lost
        await asyncio.gather(*map(one, range(600)))

    asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_answered_and_repeats_only_what_was_in_flight(tmp_path):
    db, log = str(tmp_path / "s"), str(tmp_path / "log")
    told, kills = set(), 0
    while len(told) < 600:
        run = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), db, log], stdout=subprocess.PIPE
        )
        answered = int.from_bytes(os.urandom(1)) + 20  # killed after a random number of answers
        for line in run.stdout:
            told.add(int(line))
            answered -= 1
            if answered == 0 and kills < 2:
                run.send_signal(signal.SIGKILL)
                kills += 1
        run.wait()
        with Store(tmp_path / "s") as store:
            for i in told:
                assert store.answer(question(str(i), choices=()).key()) is not None, i
    asked = (tmp_path / "log").read_text().split()
    assert set(asked) == {str(i) for i in range(600)}
    assert len(asked) - 600 <= 4 * kills


def test_ten_thousand_answers_are_found_again(tmp_path):
    with Store(tmp_path / "s") as store:
        with store.connection:  # written at once: the test is about reading
            store.connection.executemany(
                "INSERT INTO answers (key, model, text, source) VALUES (?, 'm', 'yes', 'asked')",
                [(bytes.fromhex(question(str(i)).key()),) for i in range(10_000)],
            )
        ask = remembered(scripted_backend({}), store)
        assert len(ask_all(ask, [question(str(i)) for i in range(10_000)])) == 10_000
