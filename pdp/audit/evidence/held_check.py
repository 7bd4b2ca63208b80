"""Checkpoints held outside, against those of the log. No IO."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pdp.audit.evidence.checkpoint import Checkpoint, Trusted
from pdp.audit.evidence.finding import Damage, Finding, Findings
from pdp.audit.evidence.held import Held, read_held
from pdp.audit.evidence.statement import EvidenceError


@dataclass(frozen=True, slots=True)
class HeldFile:
    """Something held outside: `name` says where, `read` gives its bytes again each time.

    `read` raises OSError where that is not possible, EvidenceError where it must not be read.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class _Vouched:
    name: str
    digest: str
    log: str
    time: str
    records: int
    file: HeldFile


class HeldCheck:
    """Knows what is held outside and signed by a key of `trusted`; what is not, is a finding."""

    def __init__(self, files: Iterable[HeldFile], trusted: Trusted, findings: Findings) -> None:
        self._findings = findings
        self._by_number: dict[int, _Vouched] = {}
        for file in files:
            self._take(file, trusted)

    def __len__(self) -> int:
        return len(self._by_number)

    def leaves(self, checkpoint: Checkpoint) -> list[bytes] | None:
        """The digests that went along with `checkpoint`, None where none did."""
        vouched = self._by_number.get(checkpoint.statement.number)
        if vouched is None or vouched.digest != checkpoint.digest:
            return None
        try:
            held = read_held(vouched.file.read())
        except (OSError, EvidenceError):
            return None  # it was readable before: what is there now says nothing
        # INVARIANT: what is read now is what was signed, also where the file changed meanwhile.
        return held.digests() if held.checkpoint.digest == checkpoint.digest else None

    def compare(self, checkpoint: Checkpoint) -> None:
        """Find whether another one is held with the number of `checkpoint`, one of the log's."""
        number = checkpoint.statement.number
        vouched = self._by_number.get(number)
        if vouched is not None and vouched.digest != checkpoint.digest and vouched.log == checkpoint.statement.log:
            text = f"checkpoint {number} held outside ({vouched.name}) differs from the log's"
            self._findings.add(
                Finding(Damage.LOG_FORKED, text, checkpoint.statement.batch.low or None, checkpoint=number)
            )

    def finish(self, *, log: str | None, number: int, records: int, there: int) -> None:
        """Find what is held beyond the log: it ends at checkpoint `number`, over `records`, and has `there` in all."""
        others = [one for one in self._by_number.values() if one.log != log]
        if others:
            text = f"{others[0].name} is of the log `{others[0].log}`, this is the log `{log}`"
            self._findings.add(Finding(Damage.LOG_REPLACED, text))
        beyond = [one for one in sorted(self._by_number) if one > number and self._by_number[one].log == log]
        if beyond:
            newest = self._by_number[beyond[-1]]
            text = (
                f"the log ends at record {there} and checkpoint {number}; checkpoint {beyond[-1]} of {newest.time} "
                f"({newest.name}) vouches for {max(0, newest.records - records)} more than the last checkpoint there"
            )
            self._findings.add(Finding(Damage.LOG_TRUNCATED, text, checkpoint=beyond[-1]))

    def _take(self, file: HeldFile, trusted: Trusted) -> None:
        try:
            held: Held = read_held(file.read())
            held.checkpoint.signer(trusted)
        except (OSError, EvidenceError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            self._findings.add(Finding(Damage.HELD_UNUSABLE, f"{file.name}: {cause}"))
            return
        statement = held.checkpoint.statement
        vouched = _Vouched(file.name, held.checkpoint.digest, statement.log, statement.time, statement.records, file)
        known = self._by_number.setdefault(statement.number, vouched)
        if known.digest != vouched.digest:
            text = f"two checkpoints with the number {statement.number} are held: {known.name} and {vouched.name}"
            self._findings.add(Finding(Damage.LOG_FORKED, text, checkpoint=statement.number))
