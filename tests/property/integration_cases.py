"""Cases of cedar-policy/cedar-integration-tests: policies of any namespace with the answers Cedar must give.

The folder holds `tests/**` (written by hand) and, once `corpus-tests.tar.gz` is unpacked, `corpus-tests/`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cedarpy

from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, Verdict, pst
from pdp.core.engine.scope import Lineage
from pdp.core.engine.syntax.source import excess_of, statements

VARIABLE: Final = "TOOLGATE_CEDAR_INTEGRATION_TESTS"
HOW_TO_GET: Final = (
    f"{VARIABLE} is not set: clone github.com/cedar-policy/cedar-integration-tests, unpack its"
    " corpus-tests.tar.gz there for more cases, and give the folder's path in it"
)
_FAILED: Final = re.compile(r"^error while evaluating policy `([^`]+)`: ")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Cedar says: its verdict, and the ids of policies that decided and that failed, sorted."""

    verdict: str
    reasons: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One request of a case and what Cedar must say to it."""

    principal: EntityUid
    action: EntityUid
    resource: EntityUid
    context: Mapping[str, Any]
    expected: Outcome


@dataclass(frozen=True)
class IntegrationCase:
    """Policies under the ids that Cedar gives them by their place, entities in JSON, a schema, and questions."""

    name: str
    trees: Mapping[str, pst.Template]
    entities: list[dict[str, Any]]
    schema: str
    questions: tuple[Question, ...]

    def lineage(self, entity: EntityUid) -> Lineage:
        """`entity` with all of its ancestors."""
        found: set[EntityUid] = set()
        waiting = [entity]
        while waiting:
            reached = waiting.pop()
            if reached not in found:
                found.add(reached)
                waiting += self._parents.get(reached, [])
        return Lineage(entity, frozenset(found))

    def ask(self, question: Question, policies: cedar.Policies) -> Outcome:
        """What Cedar says under `policies`; unlike ours, the data of these cases needs the schema for its types."""
        named = {"principal": question.principal, "action": question.action, "resource": question.resource}
        request = {name: uid.as_json() for name, uid in named.items()} | {"context": dict(question.context)}
        result = cedarpy.is_authorized(request, policies, self._handle, schema=self._schema)
        failed = [_FAILED.match(error) for error in result.diagnostics.errors]
        return Outcome(
            Verdict(result.decision.value),
            tuple(sorted(result.diagnostics.reasons)),
            tuple(sorted(match[1] if match else "unplaced" for match in failed)),
        )

    @cached_property
    def _schema(self) -> cedarpy.Schema:
        return cedarpy.Schema.from_str(self.schema)

    @cached_property
    def _handle(self) -> cedarpy.Entities:
        return cedarpy.Entities.from_json_str(json.dumps(self.entities), schema=self._schema)

    @cached_property
    def _parents(self) -> Mapping[EntityUid, list[EntityUid]]:
        return {_uid(entity["uid"]): [_uid(parent) for parent in entity["parents"]] for entity in self.entities}


def handwritten(folder: Path) -> Iterator[IntegrationCase]:
    """The cases below `tests/`."""
    for path in sorted(folder.glob("tests/**/*.json")):
        yield _case(path, folder)


def corpus(folder: Path, *, every: int) -> Iterator[IntegrationCase]:
    """Each `every`-th case below `corpus-tests/`, but those of policies that cannot be given to Cedar as trees."""
    paths = sorted(path for path in folder.glob("corpus-tests/*.json") if not path.name.endswith(".entities.json"))
    for path in paths[::every]:
        try:
            yield _case(path, folder)
        except ValueError:
            continue


def _case(path: Path, folder: Path) -> IntegrationCase:
    """The case at `path`.

    Raises:
        ValueError: a policy is over our bounds, or Cedar has no tree for it.

    """
    case = json.loads(path.read_text())
    texts = [statement.text for statement in statements((folder / case["policies"]).read_text(), file=path.name)]
    if any(excess_of(text) is not None for text in texts):
        raise ValueError("a policy is over the bounds")
    return IntegrationCase(
        name=str(path.relative_to(folder)),
        trees={f"policy{place}": cedar.read_tree(text) for place, text in enumerate(texts)},
        entities=json.loads((folder / case["entities"]).read_text()),
        schema=(folder / case["schema"]).read_text(),
        questions=tuple(_question(request) for request in case["requests"]),
    )


def _question(request: Mapping[str, Any]) -> Question:
    return Question(
        principal=_uid(request["principal"]),
        action=_uid(request["action"]),
        resource=_uid(request["resource"]),
        context=request["context"],
        expected=Outcome(
            Verdict(request["decision"].capitalize()),
            tuple(sorted(request["reason"])),
            tuple(sorted(request["errors"])),
        ),
    )


def _uid(reference: Mapping[str, Any]) -> EntityUid:
    inner = reference.get("__entity", reference)
    return EntityUid(inner["type"], inner["id"])
