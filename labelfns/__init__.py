"""Ask: texts in, votes out. Prompts and rules as labeling functions, and what keeps them paid once.

>>> import asyncio
>>> from labelfns import Item, labeling_function
>>> @labeling_function()
... def short(fields):
...     return 0 if len(fields["text"]) < 10 else -1
>>> asyncio.run(short.vote(Item("1", {"text": "hello"}), ask=None)).label
0
"""

from labelfns.analysis import agreement, examples, summary, twins
from labelfns.ask import Answer, Ask, Message, Request
from labelfns.collect import collect, gather
from labelfns.errors import AskError, Fatal, InputError
from labelfns.pattern import Pattern, read_patterns
from labelfns.prompt import Prompt
from labelfns.prompt_file import Context, read_prompt, read_prompts
from labelfns.questions import Question
from labelfns.rule import Rule, SnorkelRule, labeling_function, read_rules
from labelfns.shots import Shot, Shots, read_shots
from labelfns.similar import Gate, Similarity, SimilarTo, describe
from labelfns.store import Store, only_remembered, remembered
from labelfns.vote import ABSTAIN, STATUSES, Item, LabelFn, Status, Vote, Votes

__all__ = [
    "ABSTAIN",
    "STATUSES",
    "Answer",
    "Ask",
    "AskError",
    "Context",
    "Fatal",
    "Gate",
    "InputError",
    "Item",
    "LabelFn",
    "Message",
    "Pattern",
    "Prompt",
    "Question",
    "Request",
    "Rule",
    "Shot",
    "Shots",
    "SimilarTo",
    "Similarity",
    "SnorkelRule",
    "Status",
    "Store",
    "Vote",
    "Votes",
    "agreement",
    "collect",
    "describe",
    "examples",
    "gather",
    "labeling_function",
    "only_remembered",
    "read_patterns",
    "read_prompt",
    "read_prompts",
    "read_rules",
    "read_shots",
    "remembered",
    "summary",
    "twins",
]
