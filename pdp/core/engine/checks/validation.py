"""Strict validation of many policies: what is wrong in each, in our words and at its place."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pdp.core.engine import cedar
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.action_classes import ARGUMENTS
from pdp.core.engine.checks.arguments import unknown_paths
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.culprit import CulpritSearch, Trials
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.review import Note, Reviewed, placed
from pdp.core.engine.checks.strict import Complaint, complaints, read_complaint
from pdp.core.engine.checks.subject import walk
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.checks.wording import Objection, attribute_of, objections
from pdp.core.engine.syntax.reading import read_policy
from pdp.core.engine.syntax.source import Statement

_UNAPPLICABLE: Final = "unable to find an applicable action given the policy scope constraints"
_UNRECOGNIZED: Final = "unrecognized "
_EMPTY_SET: Final = "empty set literals are forbidden in policies"
_SEARCHED: Final = 500
"""Policies in one compilation in which the place of an objection is looked for: a few seconds."""


def validation_notes(
    policies: Sequence[Reviewed], *, vocabulary: Vocabulary, done: Callable[[int], None]
) -> list[list[Note]]:
    """What strict validation adds to what was found in each of `policies`."""
    said = complaints(
        [policy.text for policy in policies],
        interests=[policy.interest for policy in policies],
        classes=vocabulary.classes,
        done=done,
    )
    searches = _SEARCHED
    notes: list[list[Note]] = []
    for policy, found in zip(policies, said, strict=True):
        news = [complaint for complaint in found if not _is_known(complaint, policy, vocabulary)]
        trials = Trials.MANY if searches > 0 else Trials.NONE
        notes.append(list(_notes(policy, news, vocabulary, trials)) if news else [])
        searches -= bool(news)
    return notes


def _notes(policy: Reviewed, news: list[Complaint], vocabulary: Vocabulary, trials: Trials) -> Iterator[Note]:
    parsed = read_policy(Statement("", 1, 1, policy.text))
    schema = cedar.schema(vocabulary.classes.schema(vocabulary.classes.sample(policy.interest)))

    def says(text: str) -> list[str]:
        return [read_complaint(message).text for _, message in cedar.validate([text], schema)]

    search = CulpritSearch(parsed, text=policy.text, says=says, trials=trials)
    for objection in objections(news):
        yield from placed(_findings(objection, search), parsed=parsed, text=policy.text)


def _findings(objection: Objection, search: CulpritSearch) -> Iterator[Finding]:
    if objection.raw == _UNAPPLICABLE:
        message = "no request has a principal, an action and a resource that this scope lets in together"
        yield Finding(Code.NEVER_MATCHES, message)
        return
    for node in search.find(objection.raw, name=objection.name):
        yield Finding(Code.VALIDATION, objection.message, node)


def _is_known(complaint: Complaint, policy: Reviewed, vocabulary: Vocabulary) -> bool:
    """Whether a check of ours found the cause; an unknown action makes Cedar complain of every other."""
    if complaint.text == _UNAPPLICABLE:
        return policy.has(Code.NAME_UNKNOWN, Code.NEVER_MATCHES) or not vocabulary.tools
    if complaint.text.startswith(_UNRECOGNIZED):
        return policy.has(Code.NAME_UNKNOWN)
    if complaint.action and not (policy.interest.heads or frozenset()) <= vocabulary.actions:
        return True
    if complaint.text == _EMPTY_SET and policy.tree.action == pst.ActionIn(()):
        return not any(expr == pst.Set(()) for clause in policy.tree.clauses for expr in walk(clause.expr))
    place = attribute_of(complaint.text)
    if Code.ARGUMENT_UNKNOWN in policy.acknowledged:
        return False
    unknown = (
        ".".join((ARGUMENTS, *path))
        for path in unknown_paths(policy.tree, reads=policy.interest.reads, vocabulary=vocabulary)
    )
    return place is not None and any(f"{path}.".startswith(f"{place}.") for path in unknown)
