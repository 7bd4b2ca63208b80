"""A bundle ready to decide: sources compiled, catalog read, manifest made."""

import copy
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from pdp.core.bundle.content import CATALOG_FILE, IDENTITY_FILE, SCHEMAS, Part, part_of
from pdp.core.bundle.manifest import Manifest, manifest_of
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.reading import read_catalog
from pdp.core.contract.authzen import (
    TOOL_TYPE,
    AnswerContext,
    CacheHint,
    EvaluationRequest,
    EvaluationResponse,
    FoundResource,
    ResourceSearchRequest,
    ResourceSearchResponse,
    SearchAnswerContext,
    SearchContext,
    ToolgateAnswer,
)
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import CompiledPolicies, Progress, check_policies, compile_policies, problems_in
from pdp.core.engine.evaluate import Engine, Explanation
from pdp.core.engine.explain import Values
from pdp.core.engine.request import read_access, with_step_up
from pdp.core.engine.residual.listing import Listing
from pdp.core.engine.step_up import named_scopes
from pdp.core.engine.view import SCOPES
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.mapping_file import read_mapping


class Bundle:
    """Decides; immutable. Made by `build`."""

    def __init__(self, manifest: Manifest, *, catalog: Catalog, compiled: CompiledPolicies, max_age: float) -> None:
        self.manifest = manifest
        self.catalog = catalog
        self.mapping = compiled.mapping
        self.compiled = compiled
        self._engine = Engine(compiled, catalog=catalog)
        self._max_age = max_age

    def under(self, manifest: Manifest) -> "Bundle":
        """The same content under another manifest of it, with all that is held for it."""
        same = copy.copy(self)
        same.manifest = manifest
        return same

    @cached_property
    def _listing(self) -> Listing:
        return Listing(self.compiled, catalog=self.catalog)

    @cached_property
    def scopes(self) -> frozenset[str]:
        """Every scope that a tool needs or a policy looks for."""
        needed = (scope for tool in self.catalog.tools() for scope in tool.scopes)
        return named_scopes(policy.tree for policy in self.compiled.policies.values()).union(needed)

    def prepare(self) -> None:
        """Do now what the first list of tools would wait for."""
        _ = self._listing

    def evaluate(self, request: EvaluationRequest, *, now: float, decision_id: str) -> EvaluationResponse:
        """The answer to `request` at Unix time `now`."""
        decision = self._engine.decide(request, now=now)
        tool = self.catalog.find(request.resource.id)
        answer = ToolgateAnswer(
            decision_id=decision_id,
            reason_code=decision.code,
            generation=self.manifest.serial,
            bundle=self.manifest.digest,
            message=decision.message,
            policies=list(decision.policies),
            errors=list(decision.errors),
            obligations=list(decision.obligations),
            schema_digest=None if tool is None else tool.pin,
            detail=decision.detail,
            scopes=list(decision.scopes),
            decided_at=rfc3339(now),
            record=decision.record,
            cache=CacheHint(self._usable(decision.holds.until - now), list(decision.holds.vary)),
        )
        return EvaluationResponse(decision.code is ReasonCode.ALLOWED, AnswerContext(answer))

    def explain(self, request: EvaluationRequest, *, now: float, values: Values) -> Explanation:
        """The decision on `request` at Unix time `now`, and how it came about."""
        return self._engine.explain(request, now=now, values=values)

    def _usable(self, holds_for: float) -> int:
        """How long an answer that holds for that many seconds may be used again, in whole milliseconds."""
        return max(0, math.floor(min(holds_for, self._max_age) * 1000))

    def search(self, request: ResourceSearchRequest, *, now: float) -> ResourceSearchResponse:
        """The tools of which the subject of `request` may see the definition at Unix time `now`, sorted.

        Raises:
            Refused: `request_invalid`.

        """
        shown = self._listing.visible(request, now=now)
        if with_step_up(request):
            # Of both, since more scopes could also have a policy forbid what is allowed without.
            shown = sorted({*shown, *self._listing.visible(self._with_every_scope(request), now=now)})
        return ResourceSearchResponse(
            [FoundResource(TOOL_TYPE, tool_id) for tool_id in shown],
            SearchAnswerContext(SearchContext(self.manifest.serial, self.manifest.digest)),
        )

    def _with_every_scope(self, request: ResourceSearchRequest) -> ResourceSearchRequest:
        scopes = read_access(request, mapping=self.mapping).context.scopes
        return msgspec.structs.replace(request, context={**request.context, SCOPES: sorted(self.scopes.union(scopes))})


def build(sources: Mapping[str, bytes], *, max_age: float, previous: Bundle | None = None) -> Bundle:
    """The bundle of `sources`, not numbered yet: paths under `policies/` and `schemas/`.

    `max_age`, in seconds, bounds how long an answer may be used again. What is as in `previous` is not
    compiled again.

    Raises:
        ConfigurationError: with every problem found.

    """
    written = policy_files(sources)
    try:
        catalog, mapping = _surroundings(sources)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems_in(written)]) from error
    before = None if previous is None else previous.compiled
    compiled = compile_policies(written, catalog=catalog, mapping=mapping, previous=before)
    return Bundle(manifest_of(sources, serial=0), catalog=catalog, compiled=compiled, max_age=max_age)


def problems_of(sources: Mapping[str, bytes], *, progress: Callable[[Progress], None] | None = None) -> list[Problem]:
    """All that is wrong with the policies, links, claims mapping, catalog and snapshots of `sources`, warnings too."""
    written = policy_files(sources)
    try:
        catalog, mapping = _surroundings(sources)
    except ConfigurationError as error:
        return [*error.problems, *problems_in(written)]
    return check_policies(written, catalog=catalog, mapping=mapping, progress=progress)


def _surroundings(sources: Mapping[str, bytes]) -> tuple[Catalog, IdentityMapping]:
    """What policies are checked with, or every problem of it."""
    problems: list[Problem] = []
    read: list[Any] = []
    for reader in (_catalog, mapping_of):
        try:
            read.append(reader(sources))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    catalog, mapping = read
    return catalog, mapping


def mapping_of(sources: Mapping[str, bytes]) -> IdentityMapping:
    """The claims mapping of `sources`: that of its `identity.yaml`, or the built-in one where there is none.

    Raises:
        ConfigurationError: with every problem found.

    """
    raw = sources.get(IDENTITY_FILE)
    return BUILT_IN if raw is None else read_mapping(raw, file=IDENTITY_FILE)


def _catalog(sources: Mapping[str, bytes]) -> Catalog:
    return read_catalog(
        sources.get(CATALOG_FILE, b"version: 1\n"),
        file=CATALOG_FILE,
        snapshots={path: raw for path, raw in sources.items() if path.startswith(SCHEMAS)},
    )


def policy_files(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of `sources` that hold policies or links."""
    return {path: raw for path, raw in sources.items() if part_of(path) in {Part.POLICIES, Part.LINKS}}
