"""The two embedded models that tests use, fetched at the first run and kept in Jurat's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from jurat.models import get


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, a real encoder."""
    return get("all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def smollm() -> Path:
    """The GGUF file of SmolLM2-135M: a real language model that answers at chance."""
    return get("smollm2-135m-instruct-q4_1")
