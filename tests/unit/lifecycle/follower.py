"""A process that follows the folders of its first argument with the state of its second, at each line it is given.

It answers with what is in force: the serial, the digest, and the trouble it stands in, as JSON.
"""

import json
import sys
import time
from pathlib import Path

import structlog

from pdp.core.contract.clock import Clock
from pdp.lifecycle.activate import ActiveBundle, BundleRules
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.state import BundleState


def main(base: Path, state: Path) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    active = ActiveBundle(
        DirectorySource(policies=base / "policies", schemas=base / "schemas"),
        state=BundleState(state),
        archive=DirectoryArchive(state / "bundles"),
        rules=BundleRules(answer_max_age=5),
        clock=Clock(time.time, time.monotonic, bytes),  # noqa: TID251 - a process of its own
    )
    active.activate()
    for line in sys.stdin:
        for _ in range(int(line)):
            active.refresh()
            manifest = active.bundle.manifest
            sys.stdout.write(json.dumps([manifest.serial, manifest.digest, active.standing.trouble]) + "\n")
        sys.stdout.flush()


main(Path(sys.argv[1]), Path(sys.argv[2]))
