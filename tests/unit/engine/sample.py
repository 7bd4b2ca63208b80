"""A small catalog and requests for it."""

from typing import Any

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Annotations, Tool
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Decision, Engine

NOON = 1_785_240_000.0  # 2026-07-28T12:00:00Z

AS_APPROVED = "as approved"
_OBJECT: dict[str, Any] = {"type": "object"}

CATALOG = Catalog(
    [
        Tool(
            server="git",
            name="log",
            pin="sha256:1",
            trusted=True,
            annotations=Annotations(readOnlyHint=True, destructiveHint=False),
            input_schema=_OBJECT
            | {
                "properties": {
                    "repo": {"type": "string"},
                    "count": {"type": "integer"},
                    "free": {"type": "object"},
                    "options": {"type": "object", "properties": {"deep": {"type": "boolean"}, "any": {}}},
                },
                "required": ["repo"],
            },
        ),
        Tool(server="git", name="push", pin="sha256:2", tenant="corp|acme", input_schema=_OBJECT | {"properties": {}}),
        Tool(
            server="odd",
            name='we"ird./-tool\\',
            pin="sha256:3",
            annotations=Annotations(readOnlyHint=True),
            input_schema=_OBJECT | {"properties": {'a"b': {"type": "string"}, "__entity": {"type": "string"}}},
        ),
    ]
)


def call(
    tool: str = "git/log",
    arguments: dict[str, Any] | None = None,
    *,
    properties: dict[str, Any] | None = None,
    offered: str | None = AS_APPROVED,
    **context: Any,
) -> EvaluationRequest:
    """A call of a tool that is offered as approved, unless `offered` says otherwise; None says nothing."""
    if offered == AS_APPROVED:
        known = CATALOG.find(tool)
        offered = None if known is None else known.pin
    return EvaluationRequest(
        subject=Subject("user", "corp|alice", properties or {}),
        action=Action("tools/call"),
        resource=Resource("tool", tool, {} if offered is None else {"digest": offered}),
        context={"arguments": {"repo": "r"} if arguments is None else arguments, **context},
    )


def engine(policies: str) -> Engine:
    compiled = compile_policies({"policies/a.cedar": policies.encode()}, catalog=CATALOG)
    return Engine(compiled, catalog=CATALOG)


def decide(policies: str, request: EvaluationRequest | None = None) -> Decision:
    return engine(policies).decide(request or call(), now=NOON)
