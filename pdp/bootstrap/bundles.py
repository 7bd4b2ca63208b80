"""The bundles of a decision point, from the settings: source, state, archive, rules."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from pdp.bootstrap.channels import open_archive, open_channel
from pdp.bootstrap.git import open_git
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.trust import Trust, trust_along
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import BundleError, ConfigurationError, Problem
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.activate import ActiveBundle, BundleRules
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.directory import DirectorySource
from pdp.lifecycle.source import BundleSource
from pdp.lifecycle.state import BundleState


def open_active(pdp: PdpSettings, *, base: Path, clock: Clock) -> ActiveBundle:
    """The active bundle of `pdp`, whose paths are relative to `base`.

    Raises:
        ConfigurationError: with every problem of policies, catalog and schemas.
        BundleError: what the source has must not be believed, and nothing was active before.
        SourceError: the source cannot be read, and nothing was active before.
        ArchiveError: nothing can be archived, and nothing was active before.
        UnusableError: a program or a file that the source needs is not there.

    """
    bundles = pdp.bundles
    active = ActiveBundle(
        open_source(pdp, base=base, clock=clock),
        state=BundleState(base / pdp.state),
        archive=open_archive(bundles.archive, base=base, state=base / pdp.state),
        rules=BundleRules(
            answer_max_age=pdp.answer_max_age,
            trust=None if bundles.trust is None else read_trust(base / bundles.trust),
            max_age=bundles.max_age,
            keep=bundles.archive.keep,
        ),
        clock=clock,
    )
    active.activate()
    return active


def interval(pdp: PdpSettings) -> float:
    """How many seconds lie between two looks at the source."""
    remote = pdp.bundles.git or pdp.bundles.channel
    return pdp.reload_interval if remote is None else remote.interval


def open_source(pdp: PdpSettings, *, base: Path, clock: Clock) -> BundleSource:
    """Where the bundles of `pdp` come from.

    Raises:
        ConfigurationError: what is configured for it cannot be used.
        UnusableError: a program or a file that it needs is not there.

    """
    bundles = pdp.bundles
    if bundles.channel is not None:
        return ChannelSource(open_channel(bundles.channel, base=base))
    if bundles.git is not None:
        return open_git(bundles.git, base=base, folder=base / pdp.state / "git", setting="pdp.bundles.git", clock=clock)
    return DirectorySource(policies=base / pdp.policies, schemas=base / pdp.schemas)


def files_at_hand(pdp: PdpSettings, *, base: Path) -> Mapping[str, bytes]:
    """The files of the folders of `pdp`; of the bundle that was active last, where bundles come from elsewhere.

    Raises:
        ConfigurationError: they cannot be read.
        BundleError: they are not what was active.

    """
    if pdp.bundles.git is None and pdp.bundles.channel is None:
        return DirectorySource(policies=base / pdp.policies, schemas=base / pdp.schemas).fetch()
    last = BundleState(base / pdp.state).last_good()
    return {} if last is None else last[1]


def read_trust(path: Path) -> Trust:
    """The root of trust in the file at `path`.

    Raises:
        ConfigurationError: it holds none.

    """
    try:
        return trust_along(msgspec.json.decode(path.read_bytes(), type=tuple[Envelope, ...]))
    except (OSError, msgspec.MsgspecError, BundleError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        text = f"this is no root of trust, see `toolgate bundle trust`: {cause}"
        raise ConfigurationError([Problem(str(path), 0, 0, "trust_unusable", text)]) from error
