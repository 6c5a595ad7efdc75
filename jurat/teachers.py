"""The models that are asked: the `models:` of a task, checked; then one `Ask` over all of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jurat.models import Progress, catalogue, resolve
from jurat.models.progress import silent
from labelfns import Answer, Ask, Request
from labelfns.layers import Purse, budgeted, limited, patient
from labelfns.pace import Pace
from labelfns.prices import FREE, Price, load_prices, price_from
from labelfns.yamlfile import YamlMap

LOCAL = ("model", "threads", "context")
HOSTED = ("model", "base_url", "key_name", "price", "timeout",
          "at_once", "requests_per_minute", "tokens_per_minute")  # fmt: skip
KEYS = {"local": LOCAL, "openai": HOSTED, "anthropic": HOSTED, "scripted": ("script",)}
END = 1 << 20  # bytes at each end of a model file that tell it from any other


@dataclass(frozen=True)
class Teacher:
    """One entry of `models:`. `identity` is what its answers are remembered under."""

    backend: str
    identity: str
    settings: Mapping[str, Any]
    price: Price = FREE

    def connect(self, purse: Purse, progress: Progress = silent) -> Ask:
        """Give the Ask of this model; nothing is loaded or dialled before the first question."""
        if self.backend == "local":
            return _at_first_question(lambda: _local(self.settings, progress))
        if self.backend == "scripted":
            return _at_first_question(lambda: _scripted(self.settings["script"]))
        return _hosted(self, purse)


def read_teachers(models: YamlMap) -> dict[str, Teacher]:
    """Check the entries of `models:`; raises InputError with file and line."""
    teachers: dict[str, Teacher] = {}
    for alias in models.values:
        teacher = _teacher(models.child(alias))
        for other, known in teachers.items():
            if known.identity == teacher.identity and known != teacher:
                raise models.error(
                    f"{alias!r} and {other!r} are both called {teacher.identity!r} but differ; "
                    "their answers could not be told apart", alias)  # fmt: skip
        teachers[alias] = teacher
    return teachers


def route(teachers: Mapping[str, Teacher], purse: Purse, progress: Progress = silent) -> Ask:
    """Give one Ask that hands each question to the model it names."""
    asks = {t.identity: t.connect(purse, progress) for t in teachers.values()}

    async def ask(request: Request) -> Answer:
        return await asks[request.model](request)

    return ask


def _teacher(entry: YamlMap) -> Teacher:
    entry.need(("backend",))
    backend = entry.text("backend")
    if backend not in KEYS:
        raise entry.error(f"unknown backend {backend!r}; there are {', '.join(KEYS)}", "backend")
    entry.only(("backend", *KEYS[backend]))
    entry.need(("script",) if backend == "scripted" else ("model",))
    settings = {name: value for name, value in entry.plain().items() if name != "backend"}
    if backend == "scripted":
        return Teacher(backend, f"scripted@{_hash(_script(entry))}", settings)
    for name in ("threads", "context", "at_once", "requests_per_minute", "tokens_per_minute"):
        entry.count(name)
    if backend == "local":
        identity, settings["model"] = _local_model(entry)
        return Teacher(backend, identity, settings)
    _check_key_name(entry)
    settings.pop("price", None)
    return Teacher(backend, entry.text("model"), settings, _price(entry))


def _local_model(entry: YamlMap) -> tuple[str, str]:
    """Name the model with a hash of its bytes (another file is another model), and what to load."""
    name = entry.text("model")
    for model in catalogue():
        if model.name == name and model.kind == "gguf":
            return f"{name}@{max(model.files, key=lambda file: file.bytes).sha256[:8]}", name
    file = entry.file.parent / name
    if file.suffix != ".gguf" or not file.is_file():
        known = ", ".join(model.name for model in catalogue() if model.kind == "gguf")
        raise entry.error(
            f"{name!r} is no embedded model and no .gguf file; there are {known}", "model"
        )
    with file.open("rb") as stream:
        first = stream.read(END)
        stream.seek(max(0, file.stat().st_size - END))
        last = stream.read(END)
    digest = hashlib.sha256(b"%d %b %b" % (file.stat().st_size, first, last))
    return f"{file.name}@{digest.hexdigest()[:8]}", str(file)


def _script(entry: YamlMap) -> dict[str, str]:
    script = entry.child("script")
    for pattern in script.values:
        script.text(pattern)
        try:
            re.compile(pattern)
        except re.error as e:
            raise script.error(f"{pattern!r} is no regular expression: {e}", pattern) from None
    return script.plain()


def _check_key_name(entry: YamlMap) -> None:
    """Refuse what looks like a key itself, without repeating it."""
    name = entry.text("key_name", "KEY")
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise entry.error(
            "'key_name' must be the name of an environment variable, such as OPENAI_API_KEY; "
            "the key itself belongs into the environment", "key_name")  # fmt: skip


def _price(entry: YamlMap) -> Price:
    try:
        if "price" in entry.values:
            return price_from(entry.child("price").plain())
        return FREE if "base_url" in entry.values else load_prices().of(entry.text("model"))
    except ValueError as e:
        raise entry.error(str(e), "price" if "price" in entry.values else "model") from None


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def _at_first_question(make: Callable[[], Ask]) -> Ask:
    """Wait with a model of gigabytes until it is known that something has to be asked."""
    ask: Ask | None = None

    async def layer(request: Request) -> Answer:
        nonlocal ask
        ask = ask or make()
        return await ask(request)

    return layer


def _local(settings: Mapping[str, Any], progress: Progress) -> Ask:
    from labelfns.backends.local import local_backend

    rest = {name: settings[name] for name in ("threads", "context") if name in settings}
    return local_backend(Path(resolve(settings["model"], progress)), **rest)


def _scripted(script: Mapping[str, str]) -> Ask:
    from labelfns.backends.scripted import scripted_backend

    return scripted_backend(script)


def _hosted(teacher: Teacher, purse: Purse) -> Ask:
    settings = dict(teacher.settings)
    pace = Pace(**{name: settings.pop(name) for name in HOSTED[-3:] if name in settings})
    backend = _at_first_question(lambda: _client(teacher, settings, pace))
    return budgeted(patient(limited(backend, pace)), purse, teacher.price)


def _client(teacher: Teacher, settings: Mapping[str, Any], pace: Pace) -> Ask:
    if teacher.backend == "openai":
        from labelfns.backends.openai import openai_backend

        return openai_backend(**settings, price=teacher.price, pace=pace)
    from labelfns.backends.anthropic import anthropic_backend

    return anthropic_backend(**settings, price=teacher.price, pace=pace)
