"""Runs for tests of the pages of executions: a month of a small brokerage's jobs, and one that goes on."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Final, NamedTuple

import flask

from hantu.executions import Change, Execution, ExecutionStatus, NewExecution
from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import line, store
from tests.web.errordesk import STACK, record
from tests.web.rundesk import RUNS, Runner, runner

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
MODELS: Final = ("claude-sonnet-4-20250514", "large-2025-05", "small-2025-05")
JOBS: Final = ("daily-settlement-summary", "price-import", "주문-요약", "backup", "mail-digest")
PROMPT: Final = (
    "어제 체결된 주문을 계좌별로 묶어 정산 요약을 작성하고, 정산일이 없는 주문은 따로 표시한다.\n"
    "금액은 원 단위로 쓰고, 표는 계좌 번호 순으로 정렬한다."
)
OUTPUT: Final = "주문 1,204건, 계좌 87개를 정산했습니다.\n정산일이 없는 주문 12건은 따로 표시했습니다."


def put(
    service: Service,
    job_name: str = "backup",
    *,
    status: ExecutionStatus = ExecutionStatus.COMPLETED,
    created_ns: int,
    took_ns: int = MINUTE_NS,
    **fields: Any,
) -> Execution:
    """A run that came to a status; fields of NewExecution or Change."""
    change = {name: fields.pop(name) for name in tuple(fields) if name in Change.__slots__}
    new = NewExecution(job_name=job_name, prompt=fields.pop("prompt", PROMPT), **fields)
    moves = {
        ExecutionStatus.PENDING: (),
        ExecutionStatus.RUNNING: (ExecutionStatus.RUNNING,),
        ExecutionStatus.CANCELLED: (ExecutionStatus.CANCELLED,),
    }.get(status, (ExecutionStatus.RUNNING, status))

    def work(kept: Any) -> Execution:
        run: Execution = kept.add_execution(new, at_ns=created_ns).execution
        at_ns = created_ns + 4 * SECOND_NS
        for step in moves:
            reason = "cancelled by page" if step is ExecutionStatus.CANCELLED else ""
            run = kept.change_execution(run.id, Change(status=step), at_ns=at_ns, reason=reason)
            at_ns += took_ns
        return kept.change_execution(run.id, Change(**change), at_ns=at_ns) if change else run

    found: Execution = service.pipeline.with_store(work)
    return found


def month(service: Service, now_ns: int, *, runs: int = 75) -> list[Execution]:
    """Runs of a month, the oldest first: most were completed, some failed or were cancelled."""
    made = []
    for at in range(runs):
        failed, cancelled = at % 9 == 4, at % 31 == 20
        status = ExecutionStatus.FAILED if failed else ExecutionStatus.COMPLETED
        used = 800 + at * 731 % 9_000
        made.append(
            put(
                service,
                JOBS[at % len(JOBS)],
                status=ExecutionStatus.CANCELLED if cancelled else status,
                created_ns=now_ns - HOUR_NS - (runs - 1 - at) * 9 * HOUR_NS,
                took_ns=(20 + at * 37 % 240) * SECOND_NS,
                model=MODELS[at % 7 % len(MODELS)],
                input_tokens=used,
                output_tokens=used // 5,
                cost_micros=used * 7 + at,
                exit_code=1 if failed else 0,
                error_code="EXIT_1" if failed else None,
                error_message="exit code 1" if failed else None,
            )
        )
    return made


class Going(NamedTuple):
    """A run that goes on, one of the same job that failed, and the program that told of them."""

    run: Execution
    failed: Execution
    sender: Runner


def going(service: Service, app: flask.Flask, now_ns: int) -> Going:
    """A run that goes on, with lines and files; and one that failed with its error."""
    began_ns = now_ns - 151 * SECOND_NS
    run = put(
        service,
        JOBS[0],
        status=ExecutionStatus.RUNNING,
        created_ns=began_ns - 4 * SECOND_NS,
        trace_id="5be20c77",
        model=MODELS[1],
        metadata={"service": "scheduler", "order": {"day": "2026-11-19", "accounts": 87}},
        resources={"cpu": "500m", "memory": "512Mi"},
        timeout_ms=600_000,
        pod_name="run-7c9f",
        input_tokens=12_696,
        output_tokens=2_210,
        cost_micros=71_482,
    )
    failed = put(
        service,
        JOBS[0],
        status=ExecutionStatus.FAILED,
        created_ns=now_ns - 26 * HOUR_NS,
        took_ns=190 * SECOND_NS,
        trace_id="9d01f3aa",
        input_tokens=11_020,
        output_tokens=1_904,
        cost_micros=60_114,
        exit_code=1,
        cpu_ms=41_200,
        peak_memory_bytes=184_000_000,
        output=OUTPUT,
        error_code="InsufficientBalance",
        error_message="예수금 부족: required 1,250,000, available 1,182,400",
        error_details={"account": "****3391", "order": {"id": 80412}},
    )
    lines = [
        (0, LogLevel.INFO, "작업 시작"),
        (1, LogLevel.INFO, "loading 1,204 orders from 2026-11-19"),
        (52, LogLevel.WARN, "12 orders have no settlement date, skipped"),
        (95, LogLevel.INFO, "요약 작성 중 section=3/5"),
        (147, LogLevel.DEBUG, "요약 작성 중 section=4/5"),
    ]
    store(service, [line_of(run, began_ns + at * SECOND_NS, level, text) for at, level, text in lines])
    failed_ns = failed.started_ns or 0
    store(
        service,
        [
            line_of(failed, failed_ns + SECOND_NS, LogLevel.INFO, "작업 시작"),
            record(
                failed.error_message or "",
                stack_trace=STACK,
                trace_id=failed.trace_id,
                time_ns=failed_ns + 189 * SECOND_NS,
            ),
        ],
    )
    sender = runner(app, service)
    with_file(sender, run, "settlement-2026-11-19.csv", b"account,amount\n" + b"1001,250000\n" * 900)
    with_file(sender, run, "정산요약.md", "# 정산 요약\n\n계좌 87개, 주문 1,204건\n".encode())
    with_file(sender, run, "chart.png", png(320, 120))
    return Going(run, failed, sender)


def with_file(sender: Runner, run: Execution, name: str, content: bytes) -> str:
    """A file of a run, sent as programs do; its id."""
    answer = sender.ask(
        "POST",
        f"{RUNS}/{run.id}/artifacts",
        data={"retentionDays": "30", "file": (io.BytesIO(content), name)},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def png(width: int, height: int) -> bytes:
    """A real picture: a slope from dark to light."""
    rows = b"".join(b"\0" + bytes(255 * x // width for x in range(width)) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def line_of(run: Execution, time_ns: int, level: LogLevel, text: str) -> Any:
    return line(
        text,
        source_id="scheduler",
        level=level,
        time_ns=time_ns,
        metadata={"trace_id": run.trace_id, "execution_id": run.id},
    )
