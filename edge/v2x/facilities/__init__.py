"""What is sent when: pure functions and small state machines of time and state."""

from edge.v2x.facilities.awareness import BsmTimes, CamTimes
from edge.v2x.facilities.congestion import Dcc
from edge.v2x.facilities.events import DenmService, Order
from edge.v2x.facilities.path import PathHistory
from edge.v2x.facilities.perceived import PerceivedSelection, Selection
from edge.v2x.facilities.pseudonyms import Pseudonym, PseudonymRules, Pseudonyms
from edge.v2x.facilities.services import SERVICES, Service

__all__ = [
    "SERVICES",
    "BsmTimes",
    "CamTimes",
    "Dcc",
    "DenmService",
    "Order",
    "PathHistory",
    "PerceivedSelection",
    "Pseudonym",
    "PseudonymRules",
    "Pseudonyms",
    "Selection",
    "Service",
]
