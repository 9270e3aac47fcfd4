"""The plan of an installation, carried out on the root folder of an image: real files, modes and users."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from hantu.config import load, settings
from hantu.install import InstallError, Outcome, Release, System, carry_out, install_plan, uninstall_plan
from hantu.install.files import TextFile
from hantu.install.settings import first_settings
from hantu.install.step import Step
from hantu.store import open_store
from hantu.store.base import Token
from hantu.store.sqlite.database import stored_version
from tests.parts import require

Told = list[tuple[Outcome, str]]


@pytest.fixture
def image(tmp_path: Path) -> System:
    """The root folder of a machine that knows root and two of the groups that let hantu read."""
    require("root", os.geteuid() == 0, "files of another user need it")
    require("systemd-sysusers", shutil.which("systemd-sysusers") is not None, "install systemd")
    tmp_path.chmod(0o755)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nadm:x:4:\nsystemd-journal:x:101:\n")
    return System(tmp_path)


def tree(folder: Path, word: str) -> Path:
    """A release's modules: `hantu` prints the word."""
    package = folder / word / "hantu" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "entry.py").write_text(f"def main() -> None:\n    print({word!r})\n")
    (package / "entry.py").chmod(0o600)
    return folder / word


def release(folder: Path, word: str) -> Release:
    interpreter = Path(os.path.realpath(sys.executable))
    return Release(f"1.0-{word}", tree=tree(folder, word), interpreter=interpreter)


def carried_out(steps: list[Step], **how: bool) -> Told:
    told: Told = []
    carry_out(steps, lambda outcome, sentence: told.append((outcome, sentence)), **how)
    return told


def mode(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def said(image: System) -> str:
    """What the installed program prints; its links are those of the image."""
    target = os.readlink(image.path(Path("/opt/hantu/current")))
    assert os.readlink(image.path(Path("/usr/local/bin/hantu"))) == "/opt/hantu/current/hantu"
    program = image.path(Path(target)) / "hantu"
    return subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def everything(folder: Path) -> dict[str, object]:
    """All names of a folder with what they are."""
    return {
        str(path.relative_to(folder)): (
            mode(path),
            os.readlink(path) if path.is_symlink() else path.is_dir(),
        )
        for path in folder.rglob("*")
    }


def test_an_installation_makes_user_folders_settings_program_and_unit(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = carried_out(install_plan(image, release(tmp_path_factory.mktemp("built"), "one")))
    numbers = image.user("hantu")
    assert numbers is not None
    groups = image.groups()
    assert [name for name in groups if "hantu" in groups[name]] == ["adm", "systemd-journal"]
    assert "docker" not in groups
    root = image.root
    assert mode(root / "etc/hantu") == (0o750, 0, numbers[1])
    assert mode(root / "etc/hantu/hantu.toml") == (0o640, 0, numbers[1])
    assert mode(root / "var/lib/hantu") == (0o700, *numbers)
    assert mode(root / "opt/hantu/releases/1.0-one") == (0o755, 0, 0)
    # The service's user reads what the building user kept to itself.
    assert mode(root / "opt/hantu/releases/1.0-one/lib/hantu/cli/entry.py") == (0o644, 0, 0)
    assert mode(root / "etc/systemd/system/hantu.service") == (0o644, 0, 0)
    assert said(image) == "one"
    # An image is not started, and nothing of it runs.
    assert not [
        sentence
        for outcome, sentence in told
        if "start hantu" in sentence or "stop" in sentence
        if outcome is not Outcome.THERE
    ]


def test_a_second_installation_does_nothing_and_keeps_the_settings(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = release(tmp_path_factory.mktemp("built"), "one")
    carried_out(install_plan(image, made))
    settings_file = image.root / "etc/hantu/hantu.toml"
    settings_file.write_text("port = 9000\n")
    before = everything(image.root)
    told = carried_out(install_plan(image, made))
    assert {outcome for outcome, _ in told} == {Outcome.THERE}
    assert everything(image.root) == before
    assert settings_file.read_text() == "port = 9000\n"


def test_showing_a_plan_changes_nothing(image: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = everything(image.root)
    told = carried_out(install_plan(image, release(tmp_path_factory.mktemp("built"), "one")), dry_run=True)
    assert everything(image.root) == before
    would = [sentence for outcome, sentence in told if outcome is Outcome.PLANNED]
    assert "make the system user hantu, member of systemd-journal, adm" in would
    assert "copy this hantu to /opt/hantu/releases/1.0-one" in would
    assert any(sentence.startswith("write /etc/systemd/system/hantu.service") for sentence in would)


def test_an_upgrade_switches_and_keeps_only_the_one_before(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = tmp_path_factory.mktemp("built")
    for word in ("one", "two", "three"):
        carried_out(install_plan(image, release(built, word)))
        assert said(image) == word
    kept = sorted(path.name for path in (image.root / "opt/hantu/releases").iterdir())
    assert kept == ["1.0-three", "1.0-two"]


def test_what_older_downloads_unpacked_goes_with_them(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    frozen = tmp_path_factory.mktemp("frozen")
    (frozen / "hantu").write_text("#!/bin/sh\necho frozen\n")
    (frozen / "hantu").chmod(0o755)
    cache = image.root / "var/cache/hantu-files"
    for number, name in enumerate(("1.0-one", "1.0-two", "1.0-three")):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (number, number))
    carried_out(install_plan(image, Release("1.0-three", tree=frozen)))
    assert said(image) == "frozen"
    assert sorted(path.name for path in cache.iterdir()) == ["1.0-three", "1.0-two"]


class Failing:
    """A start that fails."""

    def describe(self) -> str:
        return "start it"

    def done(self) -> bool:
        return False

    def apply(self) -> None:
        raise InstallError("it does not start")

    def undo(self) -> None:
        """Nothing was started."""


def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = tmp_path_factory.mktemp("built")
    carried_out(install_plan(image, release(built, "one")))
    unit = image.root / "etc/systemd/system/hantu.service"
    unit.write_text("# of the version before\n")
    before = everything(image.root)
    with pytest.raises(InstallError, match="could not start it: it does not start"):
        carried_out([*install_plan(image, release(built, "two")), Failing()])
    assert said(image) == "one"
    assert unit.read_text() == "# of the version before\n"
    assert everything(image.root) == before


def test_a_first_installation_that_fails_leaves_no_program_behind(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    steps = install_plan(image, release(tmp_path_factory.mktemp("built"), "one"))
    with pytest.raises(InstallError):
        carried_out([*steps, Failing()])
    left = [
        name
        for name in ("usr/local/bin/hantu", "opt/hantu/current", "etc/systemd/system/hantu.service")
        if (image.root / name).is_symlink() or (image.root / name).exists()
    ]
    assert left == []


def test_a_command_of_somebody_elses_is_not_written_over(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = image.root / "usr/local/bin/hantu"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")
    with pytest.raises(InstallError, match="is no link of hantu's"):
        carried_out(install_plan(image, release(tmp_path_factory.mktemp("built"), "one")))
    assert other.read_text() == "theirs"
    assert not (image.root / "opt/hantu/current").is_symlink()


def say_version(path: Path, further: int) -> None:
    """Let a database's header name another schema."""
    raw = bytearray(path.read_bytes())
    raw[60:64] = (int.from_bytes(raw[60:64]) + further).to_bytes(4)
    path.write_bytes(raw)


def old_database(path: Path) -> None:
    """A database whose header names the schema before, with a token in it."""
    with closing(open_store(path)) as store:
        store.add_token(Token("kept", "read", b"digest", 1))
    say_version(path, -1)


def test_a_database_is_copied_before_a_newer_version_changes_it_and_put_back_if_that_fails(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = tmp_path_factory.mktemp("built")
    carried_out(install_plan(image, release(built, "one")))
    database = image.root / "var/lib/hantu/hantu.db"
    old_database(database)
    version = stored_version(database)

    class Changing(Failing):
        """A version that changes the file and then does not start."""

        def apply(self) -> None:
            assert (database.parent / "hantu.db.before-1.0-two").is_file()
            database.write_bytes(b"changed")
            raise InstallError("it does not start")

    with pytest.raises(InstallError):
        carried_out([*install_plan(image, release(built, "two")), Changing()])
    assert stored_version(database) == version
    assert mode(database)[0] == 0o600
    assert (database.parent / "hantu.db.after-1.0-two").read_bytes() == b"changed"

    carried_out(install_plan(image, release(built, "three")))
    numbers = image.user("hantu")
    assert numbers is not None
    assert mode(database.parent / "hantu.db.before-1.0-three") == (0o600, *numbers)
    say_version(database, 1)
    with closing(open_store(database)) as store:
        assert [token.name for token in store.tokens()] == ["kept"]


def test_a_database_of_this_version_is_not_copied(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = tmp_path_factory.mktemp("built")
    carried_out(install_plan(image, release(built, "one")))
    database = image.root / "var/lib/hantu/hantu.db"
    open_store(database).close()
    carried_out(install_plan(image, release(built, "two")))
    assert list(database.parent.glob("*.before-*")) == []


def test_folders_that_the_settings_name_are_the_services_and_writable_for_it(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = release(tmp_path_factory.mktemp("built"), "one")
    carried_out(install_plan(image, made))
    dropin = image.root / "etc/systemd/system/hantu.service.d/10-folders.conf"
    assert not dropin.exists()
    settings_file = image.root / "etc/hantu/hantu.toml"
    settings_file.write_text('data_dir = "/srv/hantu"\nbackup_dir = "/srv/backup"\n')
    carried_out(install_plan(image, made))
    assert dropin.read_text() == "[Service]\nReadWritePaths=/srv/hantu\nReadWritePaths=/srv/backup\n"
    assert image.user("hantu") == mode(image.root / "srv/backup")[1:]
    settings_file.write_text("")
    carried_out(install_plan(image, made))
    assert not dropin.exists()


def test_wrong_settings_stop_an_installation_before_it_begins(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = release(tmp_path_factory.mktemp("built"), "one")
    carried_out(install_plan(image, made))
    (image.root / "etc/hantu/hantu.toml").write_text('port = "many"\n')
    with pytest.raises(InstallError, match="port is 'many'"):
        install_plan(image, made)


def test_an_end_keeps_data_and_settings_and_a_purge_leaves_nothing(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = everything(image.root)
    made = release(tmp_path_factory.mktemp("built"), "one")
    carried_out(install_plan(image, made))
    open_store(image.root / "var/lib/hantu/hantu.db").close()
    carried_out(uninstall_plan(image))
    assert (image.root / "var/lib/hantu/hantu.db").is_file()
    assert (image.root / "etc/hantu/hantu.toml").is_file()
    assert not (image.root / "opt/hantu").exists()
    assert image.user("hantu") is not None
    carried_out(install_plan(image, made))
    assert said(image) == "one"
    carried_out(uninstall_plan(image, purge=True))
    assert image.user("hantu") is None
    left = {name for name in everything(image.root) if name not in before and "hantu" in name}
    assert left == set()
    assert {outcome for outcome, _ in carried_out(uninstall_plan(image, purge=True))} == {Outcome.THERE}


def test_what_somebody_else_keeps_beside_the_releases_stays(
    image: System, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = image.root / "opt/hantu/.venv/bin/hantu"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    carried_out(install_plan(image, release(tmp_path_factory.mktemp("built"), "one")))
    carried_out(uninstall_plan(image, purge=True))
    assert theirs.read_text() == "theirs"
    assert [path.name for path in (image.root / "opt/hantu").iterdir()] == [".venv"]


def test_a_file_is_whole_or_not_there(image: System) -> None:
    file = TextFile(image, Path("/etc/x"), "new", owner="root:nobody-knows")
    (image.root / "etc/x").write_text("old")
    with pytest.raises(InstallError, match="there is no user nobody-knows"):
        file.apply()
    assert (image.root / "etc/x").read_text() == "old"


def test_the_first_settings_are_the_defaults_and_name_every_setting(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    text = first_settings()
    file.write_text(text, encoding="utf-8")
    assert tomllib.loads(text) == {}
    assert load(file, environ={}).config == load(None, environ={}).config
    assert [setting.key for setting in settings() if setting.key not in text] == []
    # Every line is right as it stands, once its sign is taken away.
    on = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line)
    file.write_text(on, encoding="utf-8")
    assert load(file, environ={}).config == load(None, environ={}).config
