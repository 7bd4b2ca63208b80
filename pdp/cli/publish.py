"""`toolgate publish`: from sources to decision points that use them, in eight steps."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from pdp.cli.bundle_files import (
    JsonOption,
    KeyOption,
    PasswordOption,
    RememberOption,
    TrustOption,
    UnsignedOption,
    UserOption,
    signer,
    writer,
)
from pdp.cli.dev import seconds
from pdp.cli.fleet import AdministeredPoints
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.core.bundle.bundle import Bundle
from pdp.core.contract.errors import ConfigurationError, UnusableError
from pdp.lifecycle.channel import CANARY, CURRENT
from pdp.lifecycle.publish import (
    DecisionPoints,
    FailedTestsError,
    Origin,
    Prepared,
    Publisher,
    Step,
    UnconfirmedError,
    earlier,
    fetched,
)
from pdp.lifecycle.remembered import Remembered
from pdp.policytest.cases import read_cases
from pdp.policytest.files import read_files
from pdp.policytest.report import Detail, lines
from pdp.policytest.run import run
from pdp.server.clock import system_clock

publish: Final = typer.Typer(add_completion=False)

_TESTS: Final = Path("policy-tests")
_GIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told of each step, for `--json`; lines for people go out as they come."""

    steps: dict[str, str]
    prints: Callable[[str], Any]

    def __call__(self, step: Step, text: str) -> None:
        self.steps[step.name.lower()] = text
        self.prints(f"({step.value}) {step.name.lower():<9} {text}\n")


@publish.command(epilog="Example: toolgate publish --to file:/srv/bundles --key keys/bundle.pem --trust trust.json")
def publish_bundle(  # noqa: PLR0913 - one for each option
    *,
    to: Annotated[str, typer.Option("--to", help="The channel: `file:FOLDER` or `oci://HOST/NAME`.", metavar="URL")],
    key: KeyOption = None,
    trust: TrustOption = None,
    unsafe_unsigned: UnsignedOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything up to step 5, and publish nothing.")
    ] = False,
    rollback: Annotated[
        str | None, typer.Option(help="Publish what had this serial, or has this digest, again.", metavar="TO")
    ] = None,
    canary: Annotated[bool, typer.Option("--canary", help="To be tried beside what is in force.")] = False,
    promote: Annotated[bool, typer.Option("--promote", help="Put the canary in force as it is.")] = False,
    tests: Annotated[
        list[Path] | None, typer.Option(help="Policy tests; without any, `policy-tests/`.", metavar="PATH")
    ] = None,
    pdp: Annotated[
        list[str] | None, typer.Option(help="A decision point's administration; may be repeated.", metavar="URL")
    ] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for step 8.", metavar="DURATION")] = "60s",
    remember: RememberOption = None,
    after: Annotated[int, typer.Option(min=0, help="Number above this, in a new channel.", metavar="SERIAL")] = 0,
    user: UserOption = None,
    password: PasswordOption = None,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish policies and catalog: compile, test, number, sign, archive, activate, announce, confirm.

    Exit 1: they have problems, tests fail, or not everybody uses them yet.
    """
    if sum(map(bool, (rollback, canary, promote))) > 1:
        raise typer.BadParameter("`--rollback`, `--canary` and `--promote` exclude each other")
    told = _Told({}, sys.stderr.write if as_json else sys.stdout.write)
    publisher = Publisher(
        writer(to, user=user, password=password),
        signer(key, trust, unsigned=unsafe_unsigned),
        clock=system_clock(),
        tell=told,
        name=CANARY if canary else CURRENT,
        after=after,
        remembered=Remembered(remember),
    )
    points = AdministeredPoints(pdp or [], environ=os.environ, wait=seconds(wait, "--wait"))  # noqa: TID251 - the edge
    try:
        if promote:
            prepared = _promoted(publisher)
        elif rollback is not None:
            prepared = _again(publisher, rollback)
        else:
            prepared = _new(publisher, tests, config=config, policies=policies, schemas=schemas)
        if not dry_run:
            _activate(publisher, prepared, points)
    except ConfigurationError as error:
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
        _stop("nothing was published: policies, catalog or policy tests have problems")
    except FailedTestsError as error:
        sys.stderr.writelines(f"{line}\n" for line in error.lines)
        _stop("nothing was published: policy tests fail")
    except UnconfirmedError as error:
        _stop(str(error))
    if dry_run:
        told.prints("nothing was published: this was a dry run\n")
    if as_json:
        manifest = prepared.manifest
        found = {"published": not dry_run, "serial": manifest.serial, "digest": manifest.digest, "steps": told.steps}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")


def _new(
    publisher: Publisher,
    tests: list[Path] | None,
    *,
    config: Path | None,
    policies: Path | None,
    schemas: Path | None,
) -> Prepared:
    found = directories(config=config, policies=policies, schemas=schemas)
    origin = fetched(found.source())
    commit = _commit_of([found.policies, found.schemas])
    origin = Origin(origin.files, commit)
    publisher.tell(Step.FETCH, f"{len(origin.files)} files, {commit or 'of no repository'}")
    return publisher.prepare(origin, tests=lambda bundle: _tested(bundle, tests))


def _again(publisher: Publisher, to: str) -> Prepared:
    origin = earlier(publisher.channel, to, signer=publisher.signer)
    publisher.tell(Step.FETCH, f"{len(origin.files)} files of `{to}`, {origin.text or 'of no repository'}")
    return publisher.prepare(origin, tests=lambda _: "not run: a bundle does not hold its tests")


def _promoted(publisher: Publisher) -> Prepared:
    prepared = publisher.promote()
    publisher.tell(Step.FETCH, f"the canary, serial {prepared.manifest.serial}")
    return prepared


def _activate(publisher: Publisher, prepared: Prepared, points: DecisionPoints) -> None:
    publisher.activate(prepared)
    publisher.tell(Step.ANNOUNCE, points.announce(prepared.manifest))
    publisher.tell(Step.CONFIRM, points.confirm(prepared.manifest))


def _tested(bundle: Bundle, paths: list[Path] | None) -> str:
    cases = read_cases(read_files(paths or [_TESTS]), catalog=bundle.catalog, mapping=bundle.mapping)
    outcome = run(cases, bundle=bundle)
    report = list(lines(outcome, detail=Detail.FAILURES))
    if outcome.failed:
        raise FailedTestsError(report)
    return report[-1]


def _commit_of(folders: list[Path]) -> str | None:
    """The commit that `folders` are as of, None where they are in no repository.

    Raises:
        UnusableError: they are not as committed, so nobody could find again what is published.

    """
    paths = [str(folder.resolve()) for folder in folders]
    head = _git(folders[0], "rev-parse", "HEAD")
    if head is None:
        return None
    changed = _git(folders[0], "status", "--porcelain", "--untracked-files=all", "--", *paths)
    if changed is None or changed.strip():
        raise UnusableError("the policies are not as committed: commit them, so that others find what is published")
    return f"commit {head.strip()[:12]}"


def _git(folder: Path, *arguments: str) -> str | None:
    """What `git` says, None where there is no repository, or no git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no text of others for an option
            command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _stop(text: str) -> NoReturn:
    sys.stderr.write(f"toolgate: {text}\n")
    raise typer.Exit(1)
