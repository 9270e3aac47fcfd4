"""Alerts: people are told of errors, of what happens to hantu itself, and once a day of the rest."""

from hantu.alert.engine import AlertEngine, Figures
from hantu.alert.faults import ServiceFault, service_faults

__all__ = ["AlertEngine", "Figures", "ServiceFault", "service_faults"]
