"""Making hantu a machine's service, and taking it away: a plan of steps to show, do and undo."""

from hantu.install.plan import Outcome, carry_out, install_plan, link, uninstall_plan
from hantu.install.release import Release, running_release
from hantu.install.system import InstallError, System

__all__ = [
    "InstallError",
    "Outcome",
    "Release",
    "System",
    "carry_out",
    "install_plan",
    "link",
    "running_release",
    "uninstall_plan",
]
