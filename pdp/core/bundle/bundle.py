"""A bundle ready to decide: sources compiled, catalog read, manifest made."""

import math
from collections.abc import Mapping
from copy import copy

import msgspec

from pdp.core.bundle.manifest import Manifest, manifest_of
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.snapshot import read_catalog
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
from pdp.core.contract.errors import ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import CompiledPolicies, compile_policies, problems_in
from pdp.core.engine.evaluate import Engine, Explanation
from pdp.core.engine.explain import Values
from pdp.core.engine.links import SUFFIX as LINKS_SUFFIX
from pdp.core.engine.residual.listing import Listing

POLICIES = "policies/"
SCHEMAS = "schemas/"
CATALOG_FILE = "policies/catalog.yaml"


class Bundle:
    """Decides; immutable. Made by `build`."""

    def __init__(self, manifest: Manifest, *, catalog: Catalog, compiled: CompiledPolicies, max_age: float) -> None:
        self.manifest = manifest
        self.catalog = catalog
        self.compiled = compiled
        self._engine = Engine(compiled, catalog=catalog)
        self._listing = Listing(compiled, catalog=catalog)
        self._max_age = max_age

    def numbered(self, serial: int) -> "Bundle":
        """The same content under `serial`, with all that is held for it."""
        bundle = copy(self)
        bundle.manifest = msgspec.structs.replace(self.manifest, serial=serial)
        return bundle

    def evaluate(self, request: EvaluationRequest, *, now: float, decision_id: str) -> EvaluationResponse:
        """The answer to `request` at Unix time `now`."""
        decision = self._engine.decide(request, now=now)
        answer = ToolgateAnswer(
            decision_id=decision_id,
            reason_code=decision.code,
            generation=self.manifest.serial,
            bundle=self.manifest.digest,
            message=decision.message,
            policies=list(decision.policies),
            errors=list(decision.errors),
            obligations=list(decision.obligations),
            detail=decision.detail,
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
        """The tools of which the subject of `request` may see the definition at Unix time `now`.

        Raises:
            Refused: `request_invalid`.

        """
        shown = self._listing.visible(request, now=now)
        return ResourceSearchResponse(
            [FoundResource(TOOL_TYPE, tool_id) for tool_id in shown],
            SearchAnswerContext(SearchContext(self.manifest.serial, self.manifest.digest)),
        )


def build(sources: Mapping[str, bytes], *, max_age: float, previous: Bundle | None = None) -> Bundle:
    """The bundle of `sources`, not numbered yet: paths under `policies/` and `schemas/`.

    `max_age`, in seconds, bounds how long an answer may be used again. What is as in `previous` is not
    compiled again.

    Raises:
        ConfigurationError: with every problem found.

    """
    written = policy_files(sources)
    try:
        catalog = read_catalog(
            sources.get(CATALOG_FILE, b"version: 1\n"),
            file=CATALOG_FILE,
            snapshots={path: raw for path, raw in sources.items() if path.startswith(SCHEMAS)},
        )
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems_in(written)]) from error
    compiled = compile_policies(written, catalog=catalog, previous=None if previous is None else previous.compiled)
    return Bundle(manifest_of(sources, serial=0), catalog=catalog, compiled=compiled, max_age=max_age)


def policy_files(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of `sources` that hold policies or links."""
    return {
        path: raw
        for path, raw in sources.items()
        if path.startswith(POLICIES) and path.endswith((".cedar", LINKS_SUFFIX))
    }
