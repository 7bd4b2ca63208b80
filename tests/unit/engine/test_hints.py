import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Annotations, Tool
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Engine
from tests.unit.engine.sample import NOON, call

_ATTRIBUTES = ("readOnly", "destructive", "idempotent", "openWorld")
_POLICIES = "\n".join(
    f'@id("{name}") permit (principal, action, resource is Mcp::Tool) when {{ resource.{name} }};'
    for name in _ATTRIBUTES
)


def attributes(*, trusted: object, **hints: bool) -> set[str]:
    """The attributes that are true of a tool with `hints`."""
    tool = Tool(
        server="git",
        name="log",
        pin="sha256:1",
        input_schema={"type": "object", "properties": {}},
        annotations=Annotations(**hints),
        trusted=trusted is True,
    )
    catalog = Catalog([tool])
    compiled = compile_policies({"policies/a.cedar": _POLICIES.encode()}, catalog=catalog)
    return set(Engine(compiled, catalog=catalog).decide(call(arguments={}, offered="sha256:1"), now=NOON).policies)


def test_without_hints_a_tool_is_what_mcp_assumes() -> None:
    assert attributes(trusted=True) == {"destructive", "openWorld"}


@pytest.mark.parametrize("hint", ["readOnlyHint", "idempotentHint"])
def test_hints_of_a_server_that_is_not_trusted_count_for_nothing(hint: str) -> None:
    hints = {hint: True, "destructiveHint": False, "openWorldHint": False}
    assert attributes(trusted=False, **hints) == {"destructive", "openWorld"}


def test_a_tool_that_only_reads_destroys_nothing_and_can_be_repeated() -> None:
    """MCP: `destructiveHint` and `idempotentHint` are meaningful only when `readOnlyHint` is false."""
    assert attributes(trusted=True, readOnlyHint=True) == {"readOnly", "idempotent", "openWorld"}


def test_a_tool_that_writes_is_as_its_hints_say() -> None:
    assert attributes(trusted=True, destructiveHint=False, openWorldHint=False) == set()
    assert attributes(trusted=True, idempotentHint=True) == {"destructive", "idempotent", "openWorld"}
