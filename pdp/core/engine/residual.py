"""Decisions with the arguments unknown: which tools a principal may see.

Sound: a tool of which one call is allowed is never left out. A tool is left out when no permit's scope
fits, or when a `forbid` without conditions fits the call or the listing itself.
"""

from collections.abc import Iterable

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import ResourceSearchRequest
from pdp.core.contract.checked_call import TOOLS_LIST
from pdp.core.engine.closure import action_entities, defined, lineage, principal_entities, tool_entities, uid
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.policy import Policy, PolicyEffect
from pdp.core.engine.request import AccessRequest, read_access
from pdp.core.engine.scope import Excluded, Fits, fit


def visible_tools(request: ResourceSearchRequest, *, compiled: CompiledPolicies, catalog: Catalog) -> list[str]:
    """The ids of the tools that the subject of `request` may see, sorted.

    Raises:
        Refused: `request_invalid`.

    """
    access = read_access(request)
    policies = list(compiled.policies.values())
    return [tool.id for tool in catalog.tools() if isinstance(_listing(access, tool, policies), Fits)]


def _listing(access: AccessRequest, tool: Tool, policies: Iterable[Policy]) -> Fits | Excluded:
    of_principal, of_action, of_tool = principal_entities(access), action_entities(tool), tool_entities(tool)
    entities = defined((*of_principal, *of_action, *of_tool))
    principal, action, resource = (lineage(one[0].uid, entities) for one in (of_principal, of_action, of_tool))
    calling = action, resource
    listing = lineage(uid("Action", TOOLS_LIST), {}), lineage(uid("Server", tool.server), entities)
    permitted: Fits | Excluded = Excluded()
    for policy in policies:
        called = fit(policy.scope, principal=principal, action=calling[0], resource=calling[1])
        listed = fit(policy.scope, principal=principal, action=listing[0], resource=listing[1])
        if policy.effect is PolicyEffect.PERMIT:
            permitted = called if isinstance(called, Fits) else permitted
        elif not policy.clauses and (isinstance(called, Fits) or isinstance(listed, Fits)):
            return Excluded()
    return permitted
