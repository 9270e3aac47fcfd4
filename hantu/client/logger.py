"""get_logger() and what it returns. Loads nothing but this until the first line is logged."""

from __future__ import annotations

from hantu.client.levels import BY_NAME, CRITICAL, DEBUG, ERROR, INFO, NAMES, SIGNS, SUCCESS, WARNING, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, Protocol

    class Route(Protocol):
        """Where the calls of all loggers go. Nothing that it does raises."""

        def line(
            self,
            level: int,
            logger: Logger,
            message: object,
            args: tuple[object, ...],
            fields: dict[str, Any],
        ) -> None:
            """A record below ERROR."""

        def error(
            self,
            level: int,
            logger: Logger,
            message: object,
            args: tuple[object, ...],
            fields: dict[str, Any],
        ) -> None:
            """A record of ERROR or CRITICAL."""

        def accept(
            self,
            level: int,
            logger: Logger,
            message: str,
            fields: dict[str, Any],
            *,
            function: str,
            time_ns: int,
        ) -> None:
            """A record that came by another logging library."""


class _First:
    """The route until the first line: it has the library started, then hands the line on."""

    def line(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        self._started().line(level, logger, message, args, fields)

    def error(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        # One frame lies between the logger and the route.
        fields["stacklevel"] = (_whole(fields.get("stacklevel")) or 1) + 1
        self._started().error(level, logger, message, args, fields)

    def accept(
        self,
        level: int,
        logger: Logger,
        message: str,
        fields: dict[str, Any],
        *,
        function: str,
        time_ns: int,
    ) -> None:
        self._started().accept(level, logger, message, fields, function=function, time_ns=time_ns)

    def _started(self) -> Route:
        from hantu.client import lifecycle

        return lifecycle.start()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


class _Here:
    """What all loggers share: the route, and the level below which nothing is written."""

    __slots__ = ("level", "route")

    def __init__(self) -> None:
        self.route: Route = _First()
        self.level = 0


here: Final = _Here()


class Logger:
    """Writes lines under a name. No call raises; none waits for a network.

    message: with `%`-arguments as in logging. exc_info: True, or an exception, to add its traceback.
    extra, context and any other keyword: what goes into the record's context."""

    __slots__ = ("context", "heads", "name")

    def __init__(self, name: str, context: dict[str, Any] | None = None) -> None:
        self.name = name
        self.context = context
        shown = name if name.isprintable() else name.encode("unicode_escape").decode("ascii")
        self.heads = {
            level: f" {SIGNS.get(level, '')}[{'INFO' if level == SUCCESS else word}] {shown}: "
            for level, word in NAMES.items()
        }
        """By level, what stands between the time and the message."""

    def debug(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """A line for the text file only."""
        if here.level <= DEBUG:
            here.route.line(DEBUG, self, message, args, fields)

    def info(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """A line for the text file and standard output."""
        if here.level <= INFO:
            here.route.line(INFO, self, message, args, fields)

    def success(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """A line like info()'s, marked ✅."""
        if here.level <= SUCCESS:
            here.route.line(SUCCESS, self, message, args, fields)

    def warning(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """A line for the text file and standard output, marked ⭕."""
        if here.level <= WARNING:
            here.route.line(WARNING, self, message, args, fields)

    def error(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """An error: text file, error file, standard error, the service, an alert."""
        if here.level <= ERROR:
            here.route.error(ERROR, self, message, args, fields)

    def exception(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """error() with the exception that is being handled."""
        if here.level <= ERROR:
            fields.setdefault("exc_info", True)
            here.route.error(ERROR, self, message, args, fields)

    def critical(self, message: object = "", /, *args: object, **fields: Any) -> None:
        """An error that people are told of at once."""
        if here.level <= CRITICAL:
            here.route.error(CRITICAL, self, message, args, fields)

    def log(self, level: object, message: object = "", /, *args: object, **fields: Any) -> None:
        """A line of a level given by its name or by logging's number."""
        number = BY_NAME.get(level.upper(), INFO) if isinstance(level, str) else known(_whole(level))
        if here.level <= number:
            if number >= ERROR:
                here.route.error(number, self, message, args, fields)
            else:
                here.route.line(number, self, message, args, fields)

    def bind(self, **context: Any) -> Logger:
        """A logger of the same name whose records have `context`, too."""
        return Logger(self.name, {**(self.context or {}), **context})

    def __repr__(self) -> str:
        return f"<hantu logger {self.name}>"


_loggers: Final[dict[str, Logger]] = {}


def get_logger(name: str = "root") -> Logger:
    """The logger of that name, always the same one: `logger = get_logger(__name__)`."""
    logger = _loggers.get(name)
    if logger is None:
        logger = _loggers.setdefault(name, Logger(str(name)))
    return logger
