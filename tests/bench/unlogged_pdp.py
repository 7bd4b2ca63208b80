"""`toolgate serve` that records no decision: what the log is measured against.

It lives here and nowhere else. Usage: unlogged_pdp.py serve --config CONFIG
"""

import sys

import structlog

from pdp.cli.main import main
from pdp.core.contract.authzen import EvaluationRequest, EvaluationResponse
from pdp.server.exchange import Request
from pdp.server.journal import Journal


class UnsafeNoJournal(Journal):
    """Keeps nothing of evaluations, and spends nothing on it."""

    async def evaluation(self, http: Request, asked: EvaluationRequest, response: EvaluationResponse) -> None:
        """Nothing."""


if __name__ == "__main__":
    structlog.get_logger("bench").warning("unsafe_no_journal_used")
    vars(sys.modules["pdp.server.app"])["Journal"] = UnsafeNoJournal
    main()
