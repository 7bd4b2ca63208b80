"""The error tree.

    ToolgateError
    |-- ConfigurationError      a start or activation is refused; carries every problem found
    |-- UnusableError           a command cannot run: a missing extra, file or permission; says what to do
    |-- (errors of one room, mapped at its edge: UnavailableError in tokens, StoreUnavailableError and
    |    RecordUnfitError in audit, EvidenceError and ExportError in its evidence, SourceError and ArchiveError in
    |    lifecycle, RefusedExchange in server, DefinitionRefusedError in core's catalog)
    `-- Refused                 a request must not go on; carries the reason code
        |-- MessageError        the bytes are no message we carry (NestingError: they nest too deep)
        |-- TokenError          the caller is not who the token would have to show
        |-- ArgumentsError      the arguments break the tool's schema; names path and rule
        |-- DecisionError       no usable decision could be had
        |-- BundleError         a bundle must not be used: it is not trusted, or too old
        |-- RecordError         the record could not be committed (RecordsRefusedError: it never can be)
        `-- UpstreamError       the server behind the enforcer failed

A `Refused` has a code for the caller and a detail for the log. The detail may hold causes, never a
token, claim or argument value.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record_terms import UpstreamFailure


class ToolgateError(Exception):
    """Root of every error this product raises on purpose."""


class Severity(StrEnum):
    """What a problem does: an `error` refuses the sources, a `warning` is told and changes nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a source file; `line` and `column` count from 1, 0 where there is none.

    `end_column` is that after the last character concerned in the same line, 0 where it is not known.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    severity: Severity = Severity.ERROR
    end_column: int = 0

    def __str__(self) -> str:
        where = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        return f"{where}: {self.message} [{self.code}]"


class ConfigurationError(ToolgateError):
    """What was configured cannot be used; `problems` holds all of it, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(p) for p in self.problems))


class UnusableError(ToolgateError):
    """A command cannot run here; the message says what to do about it."""


class Refused(ToolgateError):  # noqa: N818 - the word of the field, and not every refusal is an error
    """A request must not go on."""

    def __init__(self, code: ReasonCode, detail: str, *, caller_text: str | None = None) -> None:
        self.code = code
        self.detail = detail
        self.caller_text = caller_text if caller_text is not None else CALLER_TEXT[code]
        super().__init__(f"{code}: {detail}")


class MessageError(Refused):
    """The bytes are no message we carry: not exact JSON, no JSON-RPC, too large, too deep."""

    def __init__(
        self, code: ReasonCode, detail: str, *, caller_text: str | None = None, request_id: "str | int | None" = None
    ) -> None:
        super().__init__(code, detail, caller_text=caller_text)
        self.request_id = request_id


class NestingError(MessageError):
    """The message nests deeper than its limits allow; it may be exact JSON all the same."""


class TokenError(Refused):
    """The caller is not who the credential would have to show.

    `nonce` is the one that the next proof must have (RFC 9449), None where there is nothing to say about it.
    """

    def __init__(
        self, code: ReasonCode, detail: str, *, caller_text: str | None = None, nonce: str | None = None
    ) -> None:
        super().__init__(code, detail, caller_text=caller_text)
        self.nonce = nonce


class ArgumentsError(Refused):
    """The arguments break the tool's schema; the caller's text names path and rule, never the value."""


class DecisionError(Refused):
    """No usable decision could be had from the decision source."""


class BundleError(Refused):
    """A bundle must not be used: `bundle_untrusted` or `bundle_stale`."""


class RecordError(Refused):
    """The record could not be committed, so the request must not go on."""

    def __init__(self, detail: str) -> None:
        super().__init__(ReasonCode.LOG_UNAVAILABLE, detail)


class RecordsRefusedError(RecordError):
    """A record among those given is refused for good: bringing it again changes nothing."""


class UpstreamError(Refused):
    """The server behind the enforcer is gone, hangs or answered something that is no MCP.

    `error` is the code of the JSON-RPC error that it answered, where it answered one.
    """

    def __init__(
        self, detail: str, *, failure: UpstreamFailure = UpstreamFailure.PROTOCOL, error: int | None = None
    ) -> None:
        super().__init__(ReasonCode.UPSTREAM_UNAVAILABLE, detail)
        self.failure = failure
        self.error = error
