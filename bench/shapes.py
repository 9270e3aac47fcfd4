"""What the programs of the bench corpus print: (level, shape) per program.

{name} in a shape is filled by corpus.py: int, ms, ip, port, uuid, hex8, hex16, path, user, table, email …
The shapes are written for this corpus after what such programs print; none is copied from real logs."""

from __future__ import annotations

Shape = tuple[str, str]

PROGRAMS: tuple[tuple[str, str, tuple[Shape, ...]], ...] = (
    (
        "docker",
        "api",
        (
            ("info", "{method} {path} {status} {ms}ms request_id={uuid} user={int}"),
            ("info", "{method} {path}/{int} {status} {ms}ms bytes={size} remote={ip}"),
            ("debug", "cache miss key={table}:{int} ttl={int}s shard={digit}"),
            ("debug", "sql {ms}ms rows={int} SELECT * FROM {table} WHERE id = {int}"),
            ("info", "token refreshed for user {int} expires in {int}s"),
            ("warn", "slow request {method} {path} took {ms}ms (limit 800ms) request_id={uuid}"),
            ("warn", "rate limit reached for {ip}: {int} requests in 60s"),
            ("error", "unhandled exception in {method} {path}: KeyError: '{table}' request_id={uuid}"),
            ("error", "upstream {host}:{port} answered 502 after {ms}ms, attempt {digit} of 3"),
        ),
    ),
    (
        "docker",
        "scheduler",
        (
            ("info", "job {job} started run={hex8}"),
            ("info", "job {job} finished run={hex8} in {ms}ms, {int} rows"),
            ("info", "next run of {job} at 2026-11-{day}T{clock}+09:00"),
            ("debug", "heartbeat {int} workers={digit} queue={int}"),
            ("warn", "job {job} overlaps with run {hex8}, skipped"),
            ("error", "job {job} failed run={hex8}: TimeoutError after {ms}ms"),
            ("info", "retry {digit}/3 of {job} in {int}s"),
        ),
    ),
    (
        "docker",
        "postgres",
        (
            (
                "info",
                "checkpoint complete: wrote {int} buffers ({float}%); write={float} s, sync={float} s, total={float} s",
            ),
            ("info", "connection received: host={ip} port={port}"),
            ("info", "connection authorized: user={user} database={table} application_name=api"),
            (
                "info",
                "duration: {float} ms  statement: UPDATE {table} SET updated_at = now() WHERE id = {int}",
            ),
            (
                "info",
                'automatic vacuum of table "app.public.{table}": index scans: {digit}, pages: {int} removed, {int} remain',
            ),
            (
                "error",
                'duplicate key value violates unique constraint "{table}_pkey" DETAIL: Key (id)=({int}) already exists.',
            ),
            (
                "error",
                "deadlock detected: process {int} waits for ShareLock on transaction {int}; blocked by process {int}",
            ),
            ("fatal", "remaining connection slots are reserved for non-replication superuser connections"),
        ),
    ),
    (
        "docker",
        "nginx",
        (
            (
                "info",
                '{ip} - - "{method} {path} HTTP/1.1" {status} {size} "-" "Mozilla/5.0 (X11; Linux x86_64)" {float}',
            ),
            (
                "info",
                '{ip} - {user} "{method} {path}?page={digit}&sort=created HTTP/2.0" {status} {size} "https://{host}/" "curl/8.{digit}.0" {float}',
            ),
            (
                "warn",
                "{int}#{int}: *{int} a client request body is buffered to a temporary file /var/cache/nginx/{hex8}",
            ),
            (
                "error",
                '{int}#{int}: *{int} connect() failed (111: Connection refused) while connecting to upstream, client: {ip}, upstream: "http://{ip}:{port}{path}"',
            ),
        ),
    ),
    (
        "docker",
        "redis",
        (
            ("info", "{int}:M * {int} changes in 60 seconds. Saving..."),
            ("info", "{int}:C * DB saved on disk"),
            ("info", "{int}:M * Background saving started by pid {int}"),
            (
                "warn",
                "{int}:M # WARNING overcommit_memory is set to 0! Background save may fail under low memory condition.",
            ),
        ),
    ),
    (
        "docker",
        "worker",
        (
            ("info", "Task core.tasks.{job}[{uuid}] received"),
            ("info", "Task core.tasks.{job}[{uuid}] succeeded in {float}s: {int}"),
            (
                "warn",
                "Task core.tasks.{job}[{uuid}] retry: Retry in {int}s: ConnectionResetError(104, 'Connection reset by peer')",
            ),
            (
                "error",
                "Task core.tasks.{job}[{uuid}] raised unexpected: ValueError('invalid literal for int() with base 10: {hex8}')",
            ),
            ("debug", "prefetch count is {digit}, {int} messages unacked on queue {table}"),
        ),
    ),
    (
        "docker",
        "feed",
        (
            ("debug", "tick symbol={symbol} price={price} volume={int} seq={int}"),
            ("debug", "book symbol={symbol} bid={price} ask={price} depth={digit}"),
            ("info", "subscribed {symbol} on wss://{host}/stream conn={hex8}"),
            ("warn", "sequence gap on {symbol}: expected {int} got {int}"),
            ("error", "websocket {hex8} closed code=1006 after {ms}ms, reconnecting in {digit}s"),
        ),
    ),
    (
        "docker",
        "web",
        (
            ("info", "[vite] page reload src/pages/{table}.tsx ({int}ms)"),
            ("info", "GET /assets/index-{hex8}.js {status} in {ms}ms"),
            ("warn", "Hydration failed on /{table}/{int}: text content did not match"),
            (
                "error",
                "TypeError: Cannot read properties of undefined (reading '{table}') at render ({table}.tsx:{int}:{int})",
            ),
        ),
    ),
    (
        "docker",
        "kafka",
        (
            (
                "info",
                "[GroupCoordinator {digit}]: Member {table}-{uuid} in group {table} has left, rebalance generation {int}",
            ),
            (
                "info",
                "[Log partition={table}-{digit}, dir=/data] Rolled new log segment at offset {int} in {ms} ms.",
            ),
            ("warn", "[ReplicaFetcher replicaId={digit}] Partition {table}-{digit} lags by {int} messages"),
            ("error", "[Controller id={digit}] Broker {digit} unreachable at {ip}:{port} for {ms} ms"),
        ),
    ),
    (
        "journal",
        "ssh.service",
        (
            (
                "info",
                "Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:{hex16}{hex16}",
            ),
            ("warn", "Failed password for invalid user {user} from {ip} port {port} ssh2"),
            ("info", "Received disconnect from {ip} port {port}:11: disconnected by user"),
            (
                "info",
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={user}",
            ),
            ("info", "Connection closed by authenticating user root {ip} port {port} [preauth]"),
        ),
    ),
    (
        "journal",
        "cron.service",
        (
            ("info", "pam_unix(cron:session): session opened for user {user}(uid={int}) by (uid=0)"),
            ("info", "({user}) CMD (/usr/local/bin/{job}.sh >/dev/null 2>&1)"),
            ("info", "pam_unix(cron:session): session closed for user {user}"),
        ),
    ),
    (
        "journal",
        "docker.service",
        (
            (
                "info",
                'level=info msg="ignoring event" container={hex16}{hex16} module=libcontainerd topic=/tasks/delete',
            ),
            (
                "warn",
                'level=warning msg="Health check for container {hex16} error: context deadline exceeded: exec {hex8}"',
            ),
            (
                "error",
                'level=error msg="Handler for POST /v1.41/containers/{hex16}/start returned error: driver failed: Bind for 0.0.0.0:{port} failed"',
            ),
        ),
    ),
    (
        "journal",
        "init.scope",
        (
            ("info", "Started {job}.service - run {job} for {user}."),
            ("info", "{job}.service: Deactivated successfully."),
            ("info", "{job}.service: Consumed {float}s CPU time."),
            ("error", "{job}.service: Main process exited, code=exited, status={digit}/FAILURE"),
            ("warn", "{job}.service: Failed with result 'exit-code'."),
        ),
    ),
    (
        "journal",
        "kernel",
        (
            ("info", "eth0: renamed from veth{hex8}"),
            ("info", "br-{hex8}: port {digit}(veth{hex8}) entered forwarding state"),
            ("warn", "TCP: request_sock_TCP: Possible SYN flooding on port {port}. Sending cookies."),
            (
                "info",
                "[UFW BLOCK] IN=eth0 OUT= SRC={ip} DST={ip} LEN={int} TTL={int} PROTO=TCP SPT={port} DPT={port} WINDOW={int}",
            ),
            (
                "fatal",
                "Out of memory: Killed process {int} (python3) total-vm:{int}kB, anon-rss:{int}kB, oom_score_adj:0",
            ),
        ),
    ),
    (
        "journal",
        "systemd-resolved.service",
        (
            ("warn", "Using degraded feature set UDP instead of UDP+EDNS0 for DNS server {ip}."),
            ("info", "Clock change detected. Flushing caches."),
        ),
    ),
    (
        "app",
        "/srv/app/logs/info/info.log",
        (
            (
                "info",
                "core.trading.engine: order {int} filled symbol={symbol} quantity={int} price={price}",
            ),
            ("info", "core.trading.engine: position {symbol} {int} shares average {price}"),
            ("debug", "core.trading.signal: {symbol} rsi={float} macd={float} volume={int}"),
            ("info", "core.account: balance {price} KRW available {price} KRW"),
            ("warn", "core.broker.client: response took {ms} ms for {path}, retrying with session {hex16}"),
            ("error", "core.broker.client: HTTP {status} from {host}{path}: code={int} trace={hex8}"),
        ),
    ),
    (
        "app",
        "/var/log/backup.log",
        (
            ("info", "snapshot {hex16} saved: {int} files, {size} bytes in {float} s"),
            ("info", "removed {int} old snapshots, freed {size} bytes"),
            ("error", "repository {path} is locked by PID {int} on {host} since {clock}"),
        ),
    ),
    (
        "app",
        "/var/log/mail.log",
        (
            (
                "info",
                "postfix/smtp[{int}]: {hex16}: to=<{email}>, relay={host}[{ip}]:25, delay={float}, status=sent (250 2.0.0 Ok)",
            ),
            (
                "warn",
                "postfix/smtpd[{int}]: warning: unknown[{ip}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
            ),
            (
                "info",
                "postfix/qmgr[{int}]: {hex16}: from=<{email}>, size={size}, nrcpt={digit} (queue active)",
            ),
        ),
    ),
    (
        "app",
        "/var/log/app/payments.json",
        (
            ("info", "payment {uuid} captured amount={price} method=card"),
            ("info", "webhook {hex16} delivered to {host} in {ms}ms"),
            ("warn", "payment {uuid} pending for {int}s, provider answered {status}"),
            ("error", "payment {uuid} declined code={int} reason=insufficient_funds"),
        ),
    ),
)

KOREAN: tuple[Shape, ...] = (
    ("info", "주문 {int} 접수: 종목 {symbol} 수량 {int} 가격 {price}"),
    ("info", "모의주문실행 완료 주문번호={int} 체결가={price} 소요 {ms}ms"),
    ("warn", "주문을 재시도합니다 ({digit}/3) 사유: 응답 지연 {ms}ms"),
    ("error", "주문 실패: 예수금 부족 필요={price} 가능={price}"),
    ("info", "정산 배치 시작 대상 {int}건 기준일 2026-11-{day}"),
    ("info", "사용자 {int} 로그인 성공 접속지 {ip}"),
    ("error", "결제 승인 오류 코드 {int} 가맹점 {hex8}"),
    ("debug", "시세 수신 {symbol} 현재가 {price} 거래량 {int}"),
    ("info", "보고서 생성 완료 {path} 크기 {size}바이트"),
    ("warn", "데이터베이스 연결 지연 {ms}ms, 연결 풀 {int}개 사용 중"),
)
