"""`toolgate config`: what is in force, and where it comes from."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pdp.core.contract.errors import ConfigurationError
from pdp.core.document.tree import SettingPath
from pdp.core.settings.load import LoadedSettings, read_settings
from pdp.core.settings.shape import spelled

app: Final = typer.Typer(
    name="config",
    help="Show and check the configuration.",
    epilog="Example: toolgate config show --config toolgate.yaml --json",
    no_args_is_help=True,
)

MASK: Final = "***"
_SECRET_SECTIONS: Final = frozenset({"headers", "env", "client_secret"})
_USER_INFO: Final = re.compile(r"(?<=://)([^/@:\s]*):([^/@\s]*)@")
_REFERENCE: Final = re.compile(r"\$\{\w+\}")

ConfigOption = Annotated[Path, typer.Option("--config", help="The file to read.", metavar="FILE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(epilog="Example: toolgate config show --json")
def show(*, config: ConfigOption = Path("toolgate.yaml"), as_json: JsonOption = False) -> None:
    """Show every setting in force with the place it comes from; secrets stay hidden."""
    loaded = read_settings(config, environ=os.environ)  # noqa: TID251 - the edge
    rows = list(_rows(loaded))
    if as_json:
        _print(json.dumps({"file": str(config), "settings": rows}, indent=2))
        return
    width = max(len(f"{row['name']} = {json.dumps(row['value'])}") for row in rows)
    for row in rows:
        text = f"{row['name']} = {json.dumps(row['value'], ensure_ascii=False)}"
        _print(f"{text:<{min(width, 72)}}  # {row['origin']}")


@app.command(epilog="Example: toolgate config check --config toolgate.yaml")
def check(*, config: ConfigOption = Path("toolgate.yaml"), as_json: JsonOption = False) -> None:
    """Check the configuration; exit 1 with every problem found."""
    try:
        read_settings(config, environ=os.environ)  # noqa: TID251 - the edge
        problems = []
    except ConfigurationError as error:
        problems = list(error.problems)
    if as_json:
        fields = ("file", "line", "column", "code", "message")
        _print(json.dumps({"problems": [{name: getattr(p, name) for name in fields} for p in problems]}, indent=2))
    else:
        for problem in problems:
            _print(str(problem))
        _print(f"{len(problems)} problems" if problems else f"`{config}` is fine")
    raise typer.Exit(1 if problems else 0)


def _rows(loaded: LoadedSettings) -> Iterator[dict[str, Any]]:
    for path, value in loaded.written.items():
        origin = loaded.origins[path]
        yield {"name": spelled(path), "value": masked(path, value), "origin": str(origin), "kind": origin.kind}


def masked(path: SettingPath, value: Any) -> Any:
    """`value` as it may be shown: headers, environments, secrets and passwords in URLs only as `${NAME}`."""
    if isinstance(value, list):
        return [masked(path, item) for item in value]
    if not isinstance(value, str):
        return value
    if not _SECRET_SECTIONS.isdisjoint(path):
        return "".join(_REFERENCE.findall(value)) or MASK
    return _USER_INFO.sub(_masked_password, value)


def _masked_password(match: re.Match[str]) -> str:
    return f"{match[1]}:{match[2] if _REFERENCE.fullmatch(match[2]) else MASK}@"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
