"""`toolgate explain`: why a call is allowed or denied."""

import json
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from pdp.cli.explain_view import as_json, lines
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.core.bundle.bundle import Bundle
from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import EvaluationRequest
from pdp.core.contract.errors import ArgumentsError, MessageError, UnusableError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.engine.evaluate import Decision, Explanation
from pdp.core.engine.explain import Values
from pdp.core.identity.access import call_request
from pdp.core.identity.attribute import AttributeType, AttributeValue, NotOfTypeError, normal
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties

explain: Final = typer.Typer(add_completion=False)

_LIMITS: Final = JsonLimits(max_bytes=4 * 1024 * 1024, max_depth=64)

_STDIN: Final = Path("-")
_WRITTEN_PLAIN: Final = frozenset({AttributeType.STRING, AttributeType.IP, AttributeType.DATETIME})
_NO_TEXTS: Final = frozenset({"integer", "number", "boolean", "array", "object", "null"})

ToolArgument = Annotated[str | None, typer.Argument(help="The tool, as `server/tool`.", metavar="TOOL")]
RequestOption = Annotated[
    Path | None, typer.Option("--request", help="An AuthZEN evaluation request instead; `-` reads it.", metavar="FILE")
]
ArgumentsOption = Annotated[
    list[str] | None,
    typer.Option("--arg", "-a", help="An argument: NAME=TEXT, or NAME:=JSON; may be repeated.", metavar="NAME=VALUE"),
]
AttributesOption = Annotated[
    list[str] | None,
    typer.Option(help="An attribute of theirs, as the claims mapping declares it.", metavar="NAME=VALUE"),
]
Texts = list[str] | None


@explain.command(
    epilog="Example: toolgate explain git/git_log --as 'dev|alice' --group 'dev|engineers' --arg repo_path=/srv/git/app"
)
def explain_call(  # noqa: PLR0913 - one for each option
    tool: ToolArgument = None,
    *,
    who: Annotated[str | None, typer.Option("--as", help="Who calls: an id with its issuer's alias.")] = None,
    agent: Annotated[bool, typer.Option("--agent", help="The caller is an agent, no user.")] = False,
    group: Annotated[Texts, typer.Option(help="A group of theirs; may be repeated.")] = None,
    role: Annotated[Texts, typer.Option(help="A role of theirs; may be repeated.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Their tenant.")] = None,
    attribute: AttributesOption = None,
    scope: Annotated[Texts, typer.Option(help="A scope of the token; may be repeated.")] = None,
    act: Annotated[Texts, typer.Option(help="An agent that acts for them, nearest first.")] = None,
    arg: ArgumentsOption = None,
    ip: Annotated[str | None, typer.Option(help="The caller's address.")] = None,
    transport: Annotated[str | None, typer.Option(help="How the call comes in, as `http` or `stdio`.")] = None,
    session: Annotated[str | None, typer.Option(help="The MCP session.")] = None,
    enforcer: Annotated[str | None, typer.Option(help="The enforcer that asks.")] = None,
    now: Annotated[str | None, typer.Option(help="When, as 2026-07-28T09:00:00Z; without it, now.")] = None,
    request: RequestOption = None,
    show_values: Annotated[bool, typer.Option("--show-values", help="Show what the caller sent, but secrets.")] = False,
    print_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
) -> None:
    """Say why a call is allowed or denied: the policies that can match, and which condition failed."""
    bundle = directories(config=config, policies=policies, schemas=schemas).bundle()
    if request is not None and (tool is not None or who is not None):
        raise UnusableError("`--request` holds the whole request: leave out TOOL and `--as`")
    if request is not None:
        asked = _read_request(request)
    elif tool is None or who is None:
        raise UnusableError("name the tool and, with `--as`, who calls it; or give a request with `--request`")
    else:
        kind = PrincipalType.AGENT if agent else PrincipalType.USER
        attributes = dict(_attribute(text, bundle.mapping) for text in attribute or ())
        properties = SubjectProperties(_sorted(group), _sorted(role), tenant, attributes)
        principal = _principal(who, kind=kind, properties=properties, scopes=_sorted(scope), chain=tuple(act or ()))
        known = bundle.catalog.find(tool)
        arguments = dict(_argument(text, known) for text in arg or ())
        seen = {"ip": ip, "transport": transport, "session": session, "enforcer": enforcer}
        asked = call_request(
            principal, tool=tool, pin=None if known is None else known.pin, arguments=arguments, seen=seen
        )
    explanation = _explanation(bundle, asked, now=_instant(now), values=Values.SHOWN if show_values else Values.MASKED)
    several = len(bundle.compiled.policies)
    if print_json:
        text = json.dumps(as_json(explanation, policies=several), indent=2)
    else:
        text = "\n".join(lines(explanation, policies=several))
    sys.stdout.write(f"{text}\n")


def _explanation(bundle: Bundle, asked: EvaluationRequest, *, now: float, values: Values) -> Explanation:
    """What an enforcer would come to, which checks the arguments before it asks."""
    tool = bundle.catalog.find(asked.resource.id)
    arguments = asked.context.get("arguments", {})
    if tool is None or not isinstance(arguments, dict):
        return bundle.explain(asked, now=now, values=values)
    try:
        checked = ArgumentChecker().check(tool, arguments)
    except ArgumentsError as error:
        return Explanation(Decision(error.code, message=error.caller_text), None)
    context = {**asked.context, "arguments": checked}
    return bundle.explain(msgspec.structs.replace(asked, context=context), now=now, values=values)


def _principal(
    who: str, *, kind: PrincipalType, properties: SubjectProperties, scopes: tuple[str, ...], chain: tuple[str, ...]
) -> Principal:
    return Principal(
        type=kind,
        id=who,
        properties=properties,
        scopes=scopes,
        actor=chain[0] if chain else None,
        chain=chain,
    )


def _read_request(file: Path) -> EvaluationRequest:
    """The AuthZEN request in `file`, or on standard input.

    Raises:
        UnusableError: there is none.

    """
    try:
        raw = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
        return msgspec.convert(parse(raw, limits=_LIMITS), EvaluationRequest)
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error
    except MessageError as error:
        raise UnusableError(f"`{file}` is no evaluation request: {error.caller_text}") from error
    except msgspec.ValidationError as error:
        raise UnusableError(f"`{file}` is no evaluation request: {error}") from error


def _argument(text: str, tool: Tool | None) -> tuple[str, Any]:
    """NAME=TEXT, or NAME:=JSON; a text that stands for another type in the tool's schema is read as JSON.

    Raises:
        UnusableError: it is neither.

    """
    name, equals, value = text.partition("=")
    if not equals or not name.rstrip(":"):
        raise UnusableError(f"`{text}` is no argument: write NAME=TEXT, or NAME:=JSON")
    if name.endswith(":"):
        return name[:-1], _json(text, value)
    declared = {} if tool is None else tool.input_schema.get("properties", {}).get(name, {})
    kind = declared.get("type") if isinstance(declared, Mapping) else None
    return name, _json(text, value) if isinstance(kind, str) and kind in _NO_TEXTS else value


def _attribute(text: str, mapping: IdentityMapping) -> tuple[str, AttributeValue]:
    """NAME=VALUE: a text as it is where one is declared, or else JSON.

    Raises:
        UnusableError: it is none.

    """
    name, equals, value = text.partition("=")
    kind = mapping.attributes.get(name)
    if not equals or kind is None:
        known = ", ".join(f"`{each}`" for each in sorted(mapping.attributes)) or "none"
        raise UnusableError(f"`{text}` is no attribute: write NAME=VALUE, of those there are: {known}")
    try:
        return name, normal(value if kind in _WRITTEN_PLAIN else _json(text, value), kind)
    except NotOfTypeError as error:
        raise UnusableError(f"`{name}` {error}") from error


def _json(text: str, value: str) -> Any:
    try:
        return parse(value.encode(), limits=_LIMITS)
    except MessageError as error:
        raise UnusableError(f"the value of `{text}` is not JSON: {error.caller_text}") from error


def _instant(text: str | None) -> float:
    """Unix time of `text`, which has its zone; the present without one.

    Raises:
        UnusableError: it is no time.

    """
    if text is None:
        return time.time()  # noqa: TID251 - the edge
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = datetime.min  # noqa: DTZ901 - without a zone, so refused
    if instant.tzinfo is None:
        raise UnusableError(f"`--now {text}` is no time as 2026-07-28T09:00:00Z")
    return instant.timestamp()


def _sorted(names: Texts) -> tuple[str, ...]:
    return tuple(sorted(set(names or ())))
