"""What may be set is checked without loading the models; so it is compared with them here."""

from __future__ import annotations

import inspect

import labelmodel
from jurat.settings import LABEL_MODELS, STUDENT
from labelmodel import Model
from student import Student


def parameters(kind: type) -> set[str]:
    return set(inspect.signature(kind.__init__).parameters) - {"self", "n_classes", "classes"}


def test_every_label_model_can_be_named_with_its_own_settings():
    kinds = {name: getattr(labelmodel, name) for name in labelmodel.__all__}
    models = {n: k for n, k in kinds.items() if inspect.isclass(k) and issubclass(k, Model)}
    del models["Model"]
    assert {name: set(given) for name, given in LABEL_MODELS.items()} == {
        name: parameters(kind) for name, kind in models.items()
    }


def test_every_setting_of_a_student_can_be_set():
    assert set(STUDENT) == parameters(Student)
