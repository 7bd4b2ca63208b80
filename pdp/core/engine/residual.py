"""Decisions with the arguments unknown: which tools a principal may see.

Sound: a tool of which one call is allowed is never left out. A tool is left out when no permit's scope
fits, or when a `forbid` without conditions fits the call or the listing itself.
"""

from collections.abc import Iterable

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import ResourceSearchRequest
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.engine.closure import list_lineage, principal_lineage, server_ancestors, uid
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.policy import Conditions, Policy, PolicyEffect
from pdp.core.engine.request import AccessRequest, read_access
from pdp.core.engine.scope import Excluded, Fits, Lineage, fit


def visible_tools(request: ResourceSearchRequest, *, compiled: CompiledPolicies, catalog: Catalog) -> list[str]:
    """The ids of the tools that the subject of `request` may see, sorted.

    Raises:
        Refused: `request_invalid`.

    """
    access = read_access(request)
    policies = list(compiled.policies.values())
    return [tool.id for tool in catalog.tools() if isinstance(_listing(access, tool, policies), Fits)]


def _listing(access: AccessRequest, tool: Tool, policies: Iterable[Policy]) -> Fits | Excluded:
    principal, _ = principal_lineage(access)
    action, call = uid("Action", tool.id), uid("Action", TOOLS_CALL)
    ancestors = server_ancestors(tool)
    resource = uid("Tool", tool.id)
    calling = Lineage(action, frozenset({action, call})), Lineage(resource, frozenset({resource, *ancestors}))
    listing = list_lineage(), Lineage(ancestors[0], frozenset(ancestors))
    permitted: Fits | Excluded = Excluded()
    for policy in policies:
        called = fit(policy.scope, principal=principal, action=calling[0], resource=calling[1])
        listed = fit(policy.scope, principal=principal, action=listing[0], resource=listing[1])
        if policy.effect is PolicyEffect.PERMIT:
            permitted = called if isinstance(called, Fits) else permitted
        elif policy.conditions is Conditions.NONE and (isinstance(called, Fits) or isinstance(listed, Fits)):
            return Excluded()
    return permitted
