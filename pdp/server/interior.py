"""What the listeners of a decision point have in common."""

from dataclasses import dataclass

from pdp.audit.evidence.service import CheckpointService
from pdp.audit.ingest import LogWriter
from pdp.revocation.held import HeldRevocations
from pdp.server.announcements import Announcements
from pdp.server.arrears import Arrears
from pdp.server.confirmations import Confirmations
from pdp.server.decider import Bundles, Decider
from pdp.server.own_records import OwnRecords
from pdp.server.trial import Trial


@dataclass(frozen=True, slots=True)
class Interior:
    """All that is behind them: who decides, the bundles, the log, what is revoked, what enforcers said they use.

    `trial` is what is tried beside the active bundle, `checkpoints` what signs the log, `announcements` takes what
    writers say of their runs, and `arrears` knows which records have not come; None where nothing does.
    """

    decider: Decider
    bundles: Bundles
    own: OwnRecords
    held: HeldRevocations
    confirmations: Confirmations
    trial: Trial | None = None
    checkpoints: CheckpointService | None = None
    announcements: Announcements | None = None
    arrears: Arrears | None = None

    @property
    def writer(self) -> LogWriter:
        """The log."""
        return self.own.writer
