"""Backups: one file with the database and the artifacts of a moment, and what brings it back.

    back_up(config.database, config.artifact_folder, target, progress=None, pause=None) -> Backup

writes `target`, a plain tar that is never written over, beside a hantu that runs or of one that does not,
also of a file of an older schema (before its migration). Raises BackupError.

    add_increment(config.database, config.artifact_folder, folder, keep=7) -> Increment

adds one to a folder of many, of which each costs what has changed. Both kinds are read by

    check(file) -> Manifest                  every checksum, every page, every count
    restore(file, config.data_dir) -> Restored   checks, moves what is there aside, puts the backup there"""

from hantu.backup.archive import Backup, BackupError, Manifest, back_up
from hantu.backup.checking import check
from hantu.backup.increments import Increment, add_increment, increments
from hantu.backup.restoring import Restored, restore
from hantu.backup.rotation import Kept, kept_backups, next_name, rotate

__all__ = [
    "Backup",
    "BackupError",
    "Increment",
    "Kept",
    "Manifest",
    "Restored",
    "add_increment",
    "back_up",
    "check",
    "increments",
    "kept_backups",
    "next_name",
    "restore",
    "rotate",
]
