"""The service keeps executions and artifacts for as long as the settings say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hantu.executions import Artifact, ArtifactStatus, Change, ExecutionStatus, NewArtifact, NewExecution
from hantu.service import Service
from hantu.store.execution_base import ExecutionQuery, SortOrder
from tests.test_service import configured, hand_in, lines, stored
from tests.waiting import wait_until

DAY_NS = 86_400 * 10**9


def ran(service: Service, job: str, *, days_ago: float, prompt: str = "정산") -> Artifact:
    """A run that ended some days ago and left a file; the file."""
    end_ns = time.time_ns() - int(days_ago * DAY_NS)
    store = service.store
    added = store.add_execution(NewExecution(job_name=job, prompt=prompt), at_ns=end_ns).execution
    for status in (ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED):
        store.change_execution(added.id, Change(status=status), at_ns=end_ns)
    artifact = store.add_artifact(added.id, NewArtifact(file_name="a.csv"), at_ns=end_ns).artifact
    with service.artifact_files.receiving(artifact.id, store.artifact, most_bytes=99) as receiving:
        receiving.write(b"a,b")
        done = receiving.finish()
        return store.artifact_arrived(
            artifact.id, size_bytes=done.size_bytes, checksum=done.checksum, at_ns=end_ns
        )


def files_of(service: Service) -> int:
    """How many files there are in the folder of artifacts."""
    return sum(each.is_file() for each in service.config.artifact_folder.rglob("*"))


@pytest.mark.promise("M106", "M116")
@pytest.mark.parametrize(
    ("days", "runs", "left"), [(30.0, 1, 3), (30.0, 0, 2), ("none", 0, 4), (5.0, 0, 1)]
)
def test_the_daily_maintenance_removes_old_runs_and_their_files(
    tmp_path: Path, days: float | str, runs: int, left: int
) -> None:
    service = Service(
        configured(tmp_path / "data", execution_retention_days=days, execution_keep_runs=runs)
    )
    service.start()
    for job, days_ago in (("nightly", 1), ("nightly", 10), ("nightly", 40), ("yearly", 300)):
        ran(service, job, days_ago=days_ago)
    assert service.maintenance.run().problems == ()
    assert service.store.executions(ExecutionQuery()).total == left
    assert files_of(service) == left
    service.stop()


def test_the_start_removes_what_a_crash_left(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data"))
    kept = ran(service, "nightly", days_ago=1)
    place = service.artifact_files.path(kept)
    orphan = service.config.artifact_folder / "ab" / f"{kept.id[:-2]}ab.part"
    orphan.parent.mkdir()
    orphan.write_bytes(b"half of a cont")
    service.start()
    wait_until(lambda: not orphan.exists())
    assert place.read_bytes() == b"a,b"
    assert service.store.artifact(kept.id).status is ArtifactStatus.ACTIVE
    service.stop()


@pytest.mark.promise("M106")
def test_executions_that_fill_the_file_do_not_drive_out_its_entries(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention_bytes=2_000_000))
    service.start()
    hand_in(service, lines(400, age_ns=3 * DAY_NS, size=100))
    entries = stored(service)
    kept = [
        ran(service, "nightly", days_ago=29 - number / 20, prompt="정산 " * 2_000) for number in range(200)
    ]
    keep = Change(is_permanent=True)
    service.store.change_execution(kept[0].execution_id, keep, at_ns=time.time_ns())
    assert service.store.stats().size_bytes > 2_500_000
    assert service.maintenance.bound_size() == 0
    assert stored(service) == entries
    assert service.store.stats().size_bytes <= 2_000_000
    left = service.store.executions(ExecutionQuery(page_size=100, order=SortOrder.ASC))
    assert 20 < left.total < 200
    assert left.executions[0].id == kept[0].execution_id
    assert service.store.execution(kept[-1].execution_id).job_name == "nightly"
    assert files_of(service) == left.total
    service.stop()
