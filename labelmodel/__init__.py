"""Weigh: the votes of many labeling functions in, one probability a class out."""

from labelmodel.base import Model
from labelmodel.dawid_skene import DawidSkene, OneCoin
from labelmodel.errors import InputError
from labelmodel.label_model import LabelModel
from labelmodel.majority import MajorityVote, WeightedVote
from labelmodel.snorkel_model import SnorkelModel

__all__ = [
    "DawidSkene",
    "InputError",
    "LabelModel",
    "MajorityVote",
    "Model",
    "OneCoin",
    "SnorkelModel",
    "WeightedVote",
]
