"""Secrets and personal data are masked before anything is stored (CONTRACT M56); docs/masking.md."""

from hantu.mask.filter import SensitiveDataFilter
from hantu.mask.keys import DEFAULT_KEYS
from hantu.mask.rule import MASKED, Needle, Rule
from hantu.mask.rules import DEFAULT_RULES

__all__ = ["DEFAULT_KEYS", "DEFAULT_RULES", "MASKED", "Needle", "Rule", "SensitiveDataFilter"]
