"""Names in a policy that nothing has: a `forbid` with a mistyped server would forbid nothing.

Cedar's validation knows actions and types of entities, not which entities there are.
"""

from collections.abc import Collection, Iterator, Mapping

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.expression.tree import literals

_SERVER, _TOOL, _TENANT = (f"{NAMESPACE}::{kind}" for kind in ("Server", "Tool", "Tenant"))


def dangling_names(policy: pst.Template, *, catalog: Catalog) -> list[str]:
    """A message for each server, tool and owner in `policy` that `catalog` does not have, sorted.

    Tenants of principals are an issuer's to know, so a tenant counts in the scope of resources alone.
    """
    tools = list(catalog.tools())
    known: dict[str, Collection[str]] = {_SERVER: catalog.servers(), _TOOL: {tool.id for tool in tools}}
    owners = {tool.tenant for tool in tools if tool.tenant is not None}
    conditions = (literal for clause in policy.clauses for literal in literals(clause.expr))
    scope = _of_scope(policy.resource)
    found = {*_missing(conditions, known=known), *_missing(scope, known={**known, _TENANT: owners})}
    return sorted(_message(missing) for missing in found)


def _missing(named: Iterator[EntityUid], *, known: Mapping[str, Collection[str]]) -> Iterator[EntityUid]:
    for literal in named:
        if literal.type in known and literal.id not in known[literal.type]:
            yield literal


def _message(missing: EntityUid) -> str:
    if missing.type == _TENANT:
        return f"no server in the catalog belongs to tenant `{missing.id}`"
    return f"there is no {'server' if missing.type == _SERVER else 'tool'} `{missing.id}` in the catalog"


def _of_scope(constraint: pst.PrincipalOrResourceConstraint) -> Iterator[EntityUid]:
    match constraint:
        case pst.ScopeEq(entity=entity) | pst.ScopeIn(entity=entity) | pst.ScopeIsIn(entity=entity):
            if isinstance(entity, pst.EntityUid):
                yield EntityUid(str(entity.type), entity.id)
        case _:
            return
