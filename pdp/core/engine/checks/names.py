"""Names in a policy that nothing has: a `forbid` with a mistyped server would forbid nothing.

Cedar's validation knows actions and types of entities, not which entities there are.
"""

import re
from collections.abc import Iterator
from typing import Final

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.engine.checks.action_classes import ACTION
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.subject import Mention, Part, Subject, TypeMention
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.vocabulary import SERVER, TAG, TENANT, TOOL, TOOLSET, Vocabulary

PRINCIPALS: Final = {f"{NAMESPACE}::{kind}": kind.lower() for kind in ("User", "Agent", "Group", "Role", "Tenant")}
"""The types whose ids come from an issuer, by what we call one."""

_FROM_ISSUER: Final = re.compile(r"[a-z0-9][a-z0-9-]*\|.+", re.DOTALL)


def unknown_names(subject: Subject, *, vocabulary: Vocabulary, suggestions: Suggestions) -> list[Finding]:
    """One finding for each name in `subject` that nothing can have, where it stands first."""
    found: dict[str, Finding] = {}
    mentions: tuple[Mention | TypeMention, ...] = (*subject.mentions, *subject.types)
    for mention in mentions:
        for message in _wrong(mention, vocabulary, suggestions):
            found.setdefault(message, Finding(Code.NAME_UNKNOWN, message, mention.node))
    return list(found.values())


def _wrong(mention: Mention | TypeMention, vocabulary: Vocabulary, suggestions: Suggestions) -> Iterator[str]:
    kind = mention.name if isinstance(mention, TypeMention) else mention.uid.type
    if kind not in vocabulary.types:
        yield f"there is no entity type `{kind}`{_type_meant(kind, vocabulary, suggestions)}"
    elif isinstance(mention, Mention):
        yield from _wrong_id(mention, vocabulary, suggestions)


def _type_meant(kind: str, vocabulary: Vocabulary, suggestions: Suggestions) -> str:
    ours = f"{NAMESPACE}::{kind}"
    return (
        f"; did you mean `{ours}`?" if ours in vocabulary.types else suggestions.for_name(kind, among=vocabulary.types)
    )


def _wrong_id(mention: Mention, vocabulary: Vocabulary, suggestions: Suggestions) -> Iterator[str]:
    name, kind = mention.uid.id, mention.uid.type
    if kind == ACTION and name not in vocabulary.actions:
        yield f"there is no action `{name}`{suggestions.for_name(name, among=vocabulary.actions)}"
    elif kind == SERVER and name not in vocabulary.servers:
        yield f"there is no server `{name}` in the catalog{suggestions.for_name(name, among=vocabulary.servers)}"
    elif kind == TOOL and name not in vocabulary.tool_ids:
        yield f"there is no tool `{name}` in the catalog{suggestions.for_name(name, among=vocabulary.tool_ids)}"
    elif kind == TOOLSET and name not in vocabulary.toolsets:
        yield f"there is no toolset `{name}` in the catalog{suggestions.for_name(name, among=vocabulary.toolsets)}"
    elif kind == TAG and name not in vocabulary.tags:
        yield f"there is no tag `{name}` in the catalog{suggestions.for_name(name, among=vocabulary.tags)}"
    elif kind == TENANT and mention.part is Part.RESOURCE and name not in vocabulary.tenants:
        near = suggestions.for_name(name, among=vocabulary.tenants)
        yield f"no server in the catalog belongs to tenant `{name}`{near}"
    elif kind in PRINCIPALS and name not in vocabulary.tenants:
        yield from _wrong_principal(name, PRINCIPALS[kind], vocabulary, suggestions)


def _wrong_principal(name: str, called: str, vocabulary: Vocabulary, suggestions: Suggestions) -> Iterator[str]:
    if not _FROM_ISSUER.fullmatch(name):
        whole = f"corp|{name.lstrip('|')}"
        yield f"no {called} is called `{name}`: ids begin with their issuer's alias, as in `{whole}`"
        return
    alias = name.partition("|")[0]
    if vocabulary.aliases is not None and alias not in vocabulary.aliases:
        near = suggestions.for_name(alias, among=vocabulary.aliases)
        yield f"no {called} is called `{name}`: the claims mapping has no issuer `{alias}`{near}"
