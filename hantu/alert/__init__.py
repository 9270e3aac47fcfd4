"""Alerts: people are told of errors, of what happens to hantu itself, and once a day of the rest."""

from hantu.alert.channels.telegram import channel_of
from hantu.alert.engine import AlertEngine, Figures
from hantu.alert.faults import ServiceFault, service_faults
from hantu.alert.report import Day, Disk, report_text
from hantu.alert.state import with_history
from hantu.alert.trial import try_channel

__all__ = [
    "AlertEngine",
    "Day",
    "Disk",
    "Figures",
    "ServiceFault",
    "channel_of",
    "report_text",
    "service_faults",
    "try_channel",
    "with_history",
]
