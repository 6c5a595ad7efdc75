"""Weigh: the votes of many labeling functions in, one probability a class out."""

from labelmodel.base import Model
from labelmodel.calibration import Calibration, calibration
from labelmodel.dawid_skene import DawidSkene, OneCoin
from labelmodel.diagnose import (
    conflicts,
    effective_voters,
    labelfn_table,
    lineage,
    redundant_pairs,
)
from labelmodel.errors import InputError
from labelmodel.featured import FeaturedModel
from labelmodel.ibcc import IBCC
from labelmodel.label_model import LabelModel
from labelmodel.majority import MajorityVote, WeightedVote
from labelmodel.snorkel_model import SnorkelModel
from labelmodel.triplet import Triplet

__all__ = [
    "IBCC",
    "Calibration",
    "DawidSkene",
    "FeaturedModel",
    "InputError",
    "LabelModel",
    "MajorityVote",
    "Model",
    "OneCoin",
    "SnorkelModel",
    "Triplet",
    "WeightedVote",
    "calibration",
    "conflicts",
    "effective_voters",
    "labelfn_table",
    "lineage",
    "redundant_pairs",
]
