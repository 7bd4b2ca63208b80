"""Policies checked, for tests of what is found: each problem with the text that it points at."""

from typing import Any

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.errors import Problem
from pdp.core.engine.compile import check_policies


def tool(
    identifier: str,
    *,
    marks: dict[str, Mark] | None = None,
    tenant: str | None = None,
    optional: dict[str, Any] | None = None,
    **required: Any,
) -> Tool:
    """A tool with these arguments, by their JSON Schemas."""
    server, _, name = identifier.partition("/")
    schema = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return Tool(server=server, name=name, pin="sha256:0", tenant=tenant, marks=marks or {}, input_schema=schema)


STRING = {"type": "string"}
_PATH = {"path": Mark.PATH}

CATALOG = Catalog(
    [
        tool("files/read", marks=_PATH, tenant="corp|acme", path=STRING, optional={"encoding": STRING}),
        tool("files/list", marks=_PATH, tenant="corp|acme", path=STRING),
        tool("git/log", repo=STRING, optional={"count": {"type": "integer"}}),
        tool(
            "git/push",
            repo=STRING,
            options={"type": "object", "properties": {"force": {"type": "boolean"}}},
            optional={"free": {"type": "object"}},
        ),
    ]
)

ANY_CALL = 'principal, action in Mcp::Action::"tools/call", resource'


def found(policies: str, *, catalog: Catalog = CATALOG, links: str = "") -> list[tuple[str, str, str]]:
    """The code of each problem, the text that it points at, and its message."""
    sources = {"policies/a.cedar": policies.encode()}
    if links:
        sources["policies/a.links.yaml"] = links.encode()
    texts = {file: raw.decode().split("\n") for file, raw in sources.items()}

    def pointed_at(problem: Problem) -> str:
        line = texts[problem.file][problem.line - 1]
        return line[problem.column - 1 : problem.end_column - 1] if problem.end_column else ""

    problems = sorted(check_policies(sources, catalog=catalog))
    return [(problem.code, pointed_at(problem), problem.message) for problem in problems]


def calling(name: str) -> str:
    """The scope of calls of one tool."""
    return f'principal, action == Mcp::Action::"{name}", resource'


def permit(condition: str, *, scope: str = calling("git/log")) -> str:
    """A permit with one `when`."""
    return f'@id("p") permit ({scope}) when {{ {condition} }};'
