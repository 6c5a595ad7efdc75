"""The embedded models: pinned by SHA-256, fetched once, kept in a cache.

>>> from jurat.models import get, resolve
>>> get("all-MiniLM-L6-v2")  # a folder, downloaded at the first call
>>> resolve("roberta-base")  # not embedded: returned as it is, for the Hub's own loader
"""

from jurat.models.cache import verify, where
from jurat.models.fetch import get, resolve
from jurat.models.model import Model, ModelError, catalogue
from jurat.models.progress import Progress

__all__ = ["Model", "ModelError", "Progress", "catalogue", "get", "resolve", "verify", "where"]
