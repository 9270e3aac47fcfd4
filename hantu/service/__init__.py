"""The composition root: builds every part, starts and stops them in order."""

from hantu.service.accounts import Accounts, Entrance, WrongLogin
from hantu.service.gauges import Gauges, Sample, TailSlots
from hantu.service.service import Service
from hantu.service.setup import SCOPES, SetupLink, digest, new_token

__all__ = [
    "SCOPES",
    "Accounts",
    "Entrance",
    "Gauges",
    "Sample",
    "Service",
    "SetupLink",
    "TailSlots",
    "WrongLogin",
    "digest",
    "new_token",
]
