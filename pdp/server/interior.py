"""What the listeners of a decision point have in common."""

from dataclasses import dataclass

from pdp.audit.ingest import LogWriter
from pdp.revocation.held import HeldRevocations
from pdp.server.confirmations import Confirmations
from pdp.server.decider import Bundles, Decider


@dataclass(frozen=True, slots=True)
class Interior:
    """All that is behind them: who decides, the bundles, the log, what is revoked, what enforcers said they use."""

    decider: Decider
    bundles: Bundles
    writer: LogWriter
    held: HeldRevocations
    confirmations: Confirmations
