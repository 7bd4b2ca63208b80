"""The wire between enforcer and decision point: OpenID AuthZEN Authorization API 1.0.

An MCP call is subject `{type, id, properties}` from the verified token, `action.name` the MCP method,
resource `{type: "tool", id: "server/tool"}` and `context.arguments`. What we add to the answer is in
its `context.toolgate`. Unknown members of the envelope are ignored, as section 10.1 of the
specification requires; inside `subject.properties` and `context` they never reach a policy.
"""

from typing import Any, Final

import msgspec

from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.contract.record_terms import Recording

TOOL_TYPE: Final = "tool"
DIGEST: Final = "digest"
"""The member of `resource.properties` that says which definition of the tool its server offers now."""
OFFERED: Final = "offered"
"""The member of a search's `resource.properties` with the digest of every definition that is offered and is not the
approved one, by `server/tool`; without it nobody looked."""
STEP_UP: Final = "step_up"
"""The member of a search's `resource.properties` that is true where also what more scopes would allow is searched."""
EVALUATION_PATH: Final = "/access/v1/evaluation"
RESOURCE_SEARCH_PATH: Final = "/access/v1/search/resource"
RECORDS_PATH: Final = "/v1/records"
CATALOG_PATH: Final = "/v1/catalog"
"""Says which catalog and claims mapping are active; the catalog itself is below it, under its digest."""
MAPPING_PATH: Final = "/v1/mapping"
"""Below it, under its digest, is the claims mapping."""
REVOCATIONS_PATH: Final = "/v1/revocations"
EVENTS_PATH: Final = "/v1/events"
"""A stream of what is in force; see `event`."""
BUNDLE_PATH: Final = "/v1/bundle"
"""Has what is signed about the active bundle; below it, under its digest, is a bundle's content."""
GENERATION_HEADER: Final = "Toolgate-Generation"
"""The header in which an enforcer says which generation it uses, when it asks for `CATALOG_PATH`."""


class Subject(msgspec.Struct, frozen=True):
    """Who asks: `type` is `user` or `agent`, `id` carries the issuer's alias (`corp|alice`)."""

    type: str
    id: str
    properties: dict[str, Any] = {}


class Action(msgspec.Struct, frozen=True):
    """What is asked for: the MCP method."""

    name: str
    properties: dict[str, Any] = {}


class Resource(msgspec.Struct, frozen=True):
    """What it is asked of: for a tool call, `id` is `server/tool`."""

    type: str
    id: str
    properties: dict[str, Any] = {}


class EvaluationRequest(msgspec.Struct, frozen=True):
    """An Access Evaluation Request (AuthZEN 1.0, section 6)."""

    subject: Subject
    action: Action
    resource: Resource
    context: dict[str, Any] = {}


class CacheHint(msgspec.Struct, frozen=True):
    """How long the answer may be used again: `max_age` in milliseconds from request send."""

    max_age: int = 0
    vary: list[str] | None = None


class ToolgateAnswer(msgspec.Struct, frozen=True):
    """Our addition to the answer; lists come sorted by policy id.

    `schema_digest` is the pin of the definition that was decided on. `detail` is the cause for the record; only
    enforcers with a credential get it. `scopes` goes with `scope_missing`: all that the call needs, those that
    were granted too. `revocations` is the number of the newest revocation that was looked at. `decided_at` is the time
    (RFC 3339) that policies saw, `record` what they have a record keep of the arguments, at the most.
    """

    decision_id: str
    reason_code: ReasonCode
    generation: int
    bundle: str
    message: str | None = None
    policies: list[str] = []
    errors: list[str] = []
    obligations: list[str] = []
    cache: CacheHint = CacheHint()
    schema_digest: str | None = None
    detail: str | None = None
    scopes: list[str] = []
    revocations: int = 0
    decided_at: str | None = None
    record: Recording = Recording.KEEP

    @property
    def caller_text(self) -> str:
        """What the caller reads: the policy's message, else the reason's constant text."""
        return CALLER_TEXT[self.reason_code] if self.message is None else self.message


class AnswerContext(msgspec.Struct, frozen=True):
    """The `context` member of an evaluation's answer."""

    toolgate: ToolgateAnswer


class EvaluationResponse(msgspec.Struct, frozen=True):
    """An Access Evaluation Response (AuthZEN 1.0, section 6)."""

    decision: bool
    context: AnswerContext


class ResourceSearchRequest(msgspec.Struct, frozen=True):
    """A Resource Search Request (AuthZEN 1.0, section 8.5): which resources of `resource.type` fit."""

    subject: Subject
    action: Action
    resource: "ResourceKind"
    context: dict[str, Any] = {}


class ResourceKind(msgspec.Struct, frozen=True):
    """The resource of a search: a type without an id."""

    type: str
    properties: dict[str, Any] = {}


class FoundResource(msgspec.Struct, frozen=True):
    """One result of a resource search."""

    type: str
    id: str


class SearchContext(msgspec.Struct, frozen=True):
    """Which bundle a search was answered from, and the newest revocation that was looked at."""

    generation: int
    bundle: str
    revocations: int = 0


class SearchAnswerContext(msgspec.Struct, frozen=True):
    """The `context` member of a search's answer."""

    toolgate: SearchContext


class ResourceSearchResponse(msgspec.Struct, frozen=True):
    """A Resource Search Response; `results` is sorted by id."""

    results: list[FoundResource]
    context: SearchAnswerContext


class CatalogHead(msgspec.Struct, frozen=True):
    """Which catalog and claims mapping are active: the digests of their bytes on the wire, and their generation."""

    digest: str
    generation: int
    mapping: str
