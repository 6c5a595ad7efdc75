"""A dress rehearsal: a server on loopback that speaks the providers' wire formats.

Ask it instead of OpenAI or Anthropic to see, at no cost, how a run bears delays, limits, failures
and nonsense: `python -m labelfns.rehearse --help`, or `Rehearsal` in a test.
"""

from labelfns.rehearse.manners import Fault, Manners, Trouble
from labelfns.rehearse.server import Rehearsal

__all__ = ["Fault", "Manners", "Rehearsal", "Trouble"]
