"""What is wrong between policies: permits that a `forbid` covers, names that are nearly another's."""

from collections.abc import Iterator, Mapping

from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.conditions import Holding
from pdp.core.engine.checks.review import Note, Reviewed, effect_span, whole_span
from pdp.core.engine.checks.shadow import shadows
from pdp.core.engine.checks.subject import subject_of
from pdp.core.engine.checks.suspects import suspects
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.syntax.reading import read_policy
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.syntax.span import Span


def notes_between(
    policies: Mapping[str, Reviewed], *, places: Mapping[str, str], vocabulary: Vocabulary
) -> Iterator[tuple[str, Note]]:
    """What is wrong with some of `policies` only because of others, by ids; `places` says where each is written."""
    trees = {key: policy.tree for key, policy in policies.items()}
    unconditional = (
        key for key, policy in policies.items() if policy.tree.effect == "forbid" and policy.holding is Holding.ALL
    )
    for shadow in shadows(trees, unconditional=unconditional, vocabulary=vocabulary):
        message = f"`forbid` `{shadow.forbid}` at {places[shadow.forbid]} covers all that this policy permits"
        yield shadow.permit, Note(Code.SHADOWED, message, whole_span(policies[shadow.permit].text))
    for suspect in suspects({key: policy.names for key, policy in policies.items()}):
        span = _mention(policies[suspect.policy], suspect.name)
        yield suspect.policy, Note(Code.NAME_SUSPECT, str(suspect), span)


def _mention(policy: Reviewed, name: EntityUid) -> Span:
    """Where `policy` names `name` first."""
    parsed = read_policy(Statement("", 1, 1, policy.text))
    mentions = subject_of(parsed.tree, text=policy.text).mentions
    node = next((mention.node for mention in mentions if mention.uid == name), None)
    return parsed.span(node) or effect_span(parsed, text=policy.text)
