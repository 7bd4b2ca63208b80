"""The verbs of `toolgate`: entry points in group `toolgate.commands`, each loaded only when it is run.

An entry point names a verb and where it lives (`serve = pdp.cli.serve:serve`), a `typer.Typer` for a
group such as `log` or a function for a single verb. A name with a dot is a verb that joins a group from
elsewhere: `schemas.fidelity` is run as `toolgate schemas fidelity`. The tables here hold what `--help`
shows of our own verbs without loading them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Final

import typer

from pdp.cli.extras import missing_extra
from pdp.core.contract.errors import UnusableError

GROUP: Final = "toolgate.commands"
OWN_PACKAGES: Final = ("pdp", "enforcers")
_JOINT: Final = "."


class Panel(StrEnum):
    """What verbs are for; the order is that of `--help`."""

    RUN = "Run"
    POLICIES = "Policies"
    CATALOG = "Catalog"
    AUDIT = "Audit"
    OPERATE = "Operate"
    PLUGINS = "Plug-ins"


@dataclass(frozen=True, slots=True)
class Verb:
    """What `--help` says of a verb, and which extra it is part of."""

    panel: Panel
    summary: str
    extra: str | None = None


VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "demo": Verb(Panel.RUN, "Watch calls being allowed and denied, on this machine alone", extra="server"),
        "serve": Verb(Panel.RUN, "Run the policy decision point", extra="server"),
        "gateway": Verb(Panel.RUN, "Run the gateway in front of the servers of the configuration", extra="embedded"),
        "wrap": Verb(Panel.RUN, "Run one server over stdio with an enforcer before it"),
        "fmt": Verb(Panel.POLICIES, "Bring policies into one layout", extra="server"),
        "check": Verb(Panel.POLICIES, "Find every problem in policies, links and the catalog", extra="server"),
        "test": Verb(Panel.POLICIES, "Run the policy tests", extra="server"),
        "explain": Verb(Panel.POLICIES, "Say why a call is allowed or denied", extra="server"),
        "publish": Verb(Panel.POLICIES, "Publish policies and catalog, in eight steps", extra="server"),
        "bundle": Verb(Panel.POLICIES, "Build, sign, verify, push, pull and show bundles", extra="server"),
        "diff": Verb(Panel.POLICIES, "Say what a canary would have decided otherwise", extra="server"),
        "schemas": Verb(Panel.CATALOG, "Take snapshots of tool definitions, for review"),
        "log": Verb(Panel.AUDIT, "Ask the decision log", extra="server"),
        "revoke": Verb(Panel.OPERATE, "Stop a principal, actor, session, tool or server", extra="server"),
        "config": Verb(Panel.OPERATE, "Show and check the configuration"),
        "keys": Verb(Panel.OPERATE, "Make, list, rotate and revoke API keys", extra="accounts"),
        "accounts": Verb(Panel.OPERATE, "Local accounts: invite, list, disable, reset, join, log in", extra="accounts"),
        "identity": Verb(Panel.OPERATE, "Say what the claims mapping makes of a token", extra="server"),
        "dev": Verb(Panel.OPERATE, "Tokens of the local issuer, for trying out"),
    }
)


MEMBERS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "log.archive": Verb(Panel.AUDIT, "Move old records into Parquet files.", extra="archive"),
        "log.verify-archives": Verb(Panel.AUDIT, "Find what was altered in archives.", extra="archive"),
        "schemas.fidelity": Verb(Panel.CATALOG, "Say what policies can see of each tool's arguments.", extra="server"),
        "schemas.cedar": Verb(Panel.CATALOG, "Print the Cedar schema that policies are checked with.", extra="server"),
        "log.readings": Verb(Panel.AUDIT, "Show who asked the log for what.", extra="server"),
        "log.schema": Verb(Panel.AUDIT, "Print the JSON Schema of records."),
    }
)
"""Verbs that join a group of ours from another package than the group's."""
_OWN: Final[Mapping[str, Verb]] = {**VERBS, **MEMBERS}


def shipped(entry_points: Iterable[EntryPoint]) -> dict[str, EntryPoint]:
    """The verbs whose module is there, by name, in the order of `--help`; no plug-in takes our own verbs' names."""
    return {name: verb for name, verb in _found(entry_points).items() if _JOINT not in name}


def members(entry_points: Iterable[EntryPoint], *, group: str) -> dict[str, EntryPoint]:
    """The verbs that join `group`, by the name that they have in it, as `shipped`."""
    inside = ((name.partition(_JOINT), verb) for name, verb in _found(entry_points).items())
    return {name: verb for (first, _, name), verb in inside if first == group and name}


def _found(entry_points: Iterable[EntryPoint]) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points:
        own = entry_point.module.partition(".")[0] in OWN_PACKAGES
        if _exists(entry_point.module) and (own or entry_point.name not in _OWN):
            found.setdefault(entry_point.name, entry_point)
    order = {name: number for number, name in enumerate(_OWN)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def describe(entry_point: EntryPoint) -> Verb:
    """What `--help` says of the verb."""
    return _OWN.get(entry_point.name) or Verb(Panel.PLUGINS, f"From `{entry_point.module}`")


def load(entry_point: EntryPoint) -> Any:
    """The command behind the verb.

    Raises:
        UnusableError: it needs an extra that is not installed.

    """
    try:
        module = import_module(entry_point.module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN_PACKAGES:
            raise
        verb = entry_point.name.replace(_JOINT, " ")
        raise missing_extra(error, verb=verb, preferred=describe(entry_point).extra) from error
    target: typer.Typer | Callable[..., Any] | None = getattr(module, entry_point.attr, None)
    if target is None:
        raise UnusableError(f"there is no `{entry_point.name}`: `{entry_point.value}` does not exist")
    if isinstance(target, typer.Typer):
        return typer.main.get_command(target)
    single = typer.Typer(add_completion=False)
    single.command(entry_point.name.rpartition(_JOINT)[2])(target)
    return typer.main.get_command(single)


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # one of its packages is missing
        return False
