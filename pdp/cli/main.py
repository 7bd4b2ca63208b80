"""`toolgate`: finds the verb, runs it, and turns what went wrong into a message and an exit code.

0 is fine, 1 means that the command found problems, 2 that it could not run.
"""

import sys
import traceback
from collections.abc import Iterable
from enum import IntEnum
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any

import typer

from pdp.cli import verbs
from pdp.cli.extras import DISTRIBUTION, missing_extra
from pdp.core.contract.errors import ConfigurationError, ToolgateError


class ExitCode(IntEnum):
    """How a command ended."""

    FINE = 0
    PROBLEMS = 1
    COULD_NOT_RUN = 2


class _LazyCommand(typer.core.TyperCommand):
    """Stands for a verb in `--help`; the verb itself is loaded when its arguments are to be read."""

    def __init__(self, name: str, *, entry_point: EntryPoint, panel: str | None, members: Iterable[Any]) -> None:
        super().__init__(name=name, help=verbs.describe(entry_point).summary, rich_help_panel=panel)
        self._entry_point = entry_point
        self._members = tuple(members)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        command = verbs.load(self._entry_point)
        if isinstance(command, typer.core.TyperGroup):
            for member in self._members:
                command.commands.setdefault(member.name, member)
        return command.make_context(info_name, args, parent=parent, **extra)


def command_of(found: Iterable[EntryPoint]) -> Any:
    """The command `toolgate` with the verbs in `found`."""
    app = typer.Typer(
        name=DISTRIBUTION,
        help="Decides, enforces and proves what AI agents may do with tools.",
        epilog="Example: toolgate config check --config toolgate.yaml",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    command: Any = typer.main.get_command(app)
    every = list(found)
    for name, entry_point in verbs.shipped(every).items():
        panel = verbs.describe(entry_point).panel
        joining = verbs.members(every, group=name).items()
        # Inside a group all stand in one list, wherever they come from.
        inside = [_LazyCommand(member, entry_point=verb, panel=None, members=()) for member, verb in joining]
        command.add_command(_LazyCommand(name, entry_point=entry_point, panel=panel, members=inside))
    return command


def run(arguments: list[str], *, found: Iterable[EntryPoint]) -> int:
    """Run one command line; foreseen errors become their message on standard error."""
    try:
        command_of(found).main(args=arguments, prog_name=DISTRIBUTION, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except ConfigurationError as error:
        _say_problems(error)
    except ToolgateError as error:
        _say(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in verbs.OWN_PACKAGES:
            traceback.print_exc()
        else:
            _say(str(missing_extra(error, verb=arguments[0], preferred=None)))
    except Exception:  # noqa: BLE001 - the outermost edge: 1 would say that the command found problems
        traceback.print_exc()
    return ExitCode.COULD_NOT_RUN


def _say_problems(error: ConfigurationError) -> None:
    """Each problem on a line of standard error, then how many there are."""
    for problem in error.problems:
        sys.stderr.write(f"{problem}\n")
    count = len(error.problems)
    _say(f"{count} problem{'' if count == 1 else 's'} in the configuration")


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:], found=entry_points(group=verbs.GROUP)))


def _say(message: str) -> None:
    sys.stderr.write(f"{DISTRIBUTION}: {message}\n")


def _show_version(value: Any) -> None:
    if not value:
        return
    sys.stdout.write(f"{DISTRIBUTION} {version(DISTRIBUTION)}\n")
    raise typer.Exit(ExitCode.FINE)


def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
