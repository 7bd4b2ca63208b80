"""Policies and lineages of any namespace, for tests of what scopes mean."""

from collections.abc import Iterable
from dataclasses import replace

from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.policy import Place, Policy, policy_of
from pdp.core.engine.scope import Lineage
from pdp.core.engine.syntax.source import Statement


def scoped(key: str, tree: pst.Template) -> Policy:
    """`tree` as a compiled policy called `key`."""
    own = replace(tree, annotations=pst.FrozenMap({"id": key}))
    return policy_of(own, statement=Statement("policies/a.cedar", 1, 1, ""), place=Place("policies/a.cedar", 1))


def heads(**texts: str) -> tuple[Policy, ...]:
    """Permits without conditions: each of `texts` is what stands in the brackets of one."""
    return tuple(scoped(key, cedar.read_tree(f"permit({text});")) for key, text in texts.items())


def lineage(own: str, *ancestors: str) -> Lineage:
    """The lineage of `Type::id` below `ancestors`; the id is what stands after the last `::`."""
    entity = _uid(own)
    return Lineage(entity, frozenset({entity, *map(_uid, ancestors)}))


def ids(found: Iterable[Policy]) -> list[str]:
    """The ids of `found`, in their order."""
    return [policy.id for policy in found]


def _uid(text: str) -> EntityUid:
    kind, _, identifier = text.rpartition("::")
    return EntityUid(kind, identifier)
