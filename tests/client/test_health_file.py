"""A fault of a program's log library is seen from outside while it stands and the program runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hantu.client.health_file import ailing
from tests.fault.programs import Program
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

BREAK = "import os, sys; r, w = os.pipe(); os.close(r); sys.stdout = os.fdopen(w, 'w')\nlog.info('lost')"
MEND = "sys.stdout = sys.__stdout__\nlog.info('well')"


@pytest.mark.promise("M58")
def test_a_fault_is_seen_while_it_stands(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.do("log.info('well')")
        assert ailing(program.log_dir) == []
        program.do(BREAK)
        (found,) = ailing(program.log_dir)
        assert (found.service, found.state, found.kinds) == ("scheduler", "Degraded", ("handler",))
        assert "Broken pipe" in found.reason
        program.do(MEND)
        assert ailing(program.log_dir) == []
        program.do(BREAK)
        assert len(ailing(program.log_dir)) == 1
        program.kill()
        assert ailing(program.log_dir) == []


def test_a_program_that_ends_takes_its_file_with_it(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        program.do(BREAK)
        assert len(list((program.log_dir / "health").iterdir())) == 1
        assert program.end() == 0
        assert list((program.log_dir / "health").iterdir()) == []


def test_what_is_no_file_of_health_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "health"
    folder.mkdir()
    own = os.getpid()
    fault = {"phase": "failing", "since_ns": 7}
    good = {"service": "a", "pid": own, "state": "Partial", "reason": "r", "faults": {"database": fault}}
    texts = ["", "[]", '{"pid": 1}', json.dumps({**good, "pid": "x"}), json.dumps({**good, "pid": -1})]
    texts += [json.dumps({**good, "faults": []}), "[" * 50_000]
    for number, text in enumerate(texts):
        (folder / f"{number}.json").write_text(text)
    (folder / "a.json.d").mkdir()
    assert ailing(tmp_path) == []
    (folder / "good.json").write_text(json.dumps(good))
    assert [each.since_ns for each in ailing(tmp_path)] == [7]
    assert ailing(tmp_path / "nowhere") == []


@pytest.mark.e2e
@pytest.mark.promise("M58")
def test_the_status_page_and_the_doctor_show_it(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        service = RunningService(tmp_path / "data", NOTHING | {"HANTU_LOG_DIR": str(program.log_dir)})
        try:
            service.start()
            program.do(BREAK)
            wait_until(lambda: "Broken pipe" in page(service))
            assert "scheduler" in page(service)
            doctor = subprocess.run(
                [sys.executable, "app.py", "--data-dir", str(service.data_dir), "doctor"],
                cwd=ROOT,
                env={**os.environ, **service.settings},
                capture_output=True,
                text=True,
                check=False,
            )
            assert doctor.returncode == 1
            assert "Degraded (handler)" in doctor.stdout
            program.do(MEND)
            assert "No running program of this folder says" in page(service)
        finally:
            service.close()


def page(service: RunningService) -> str:
    return service.text("/status")
