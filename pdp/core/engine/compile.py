"""Sources to compiled policies, or every problem in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import ConfigurationError, Problem, Severity
from pdp.core.engine.checks.code import Code
from pdp.core.engine.compilation import Compilation, Held, Progress, Step
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.links import SUFFIX
from pdp.core.engine.policy import Place, Policy, policy_of
from pdp.core.engine.written import Written
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping

__all__ = ["CompiledPolicies", "Progress", "Step", "check_policies", "compile_policies", "problems_in"]

_WITHOUT_CATALOG: Final = frozenset(
    {
        Code.ENCODING,
        Code.TOO_LARGE,
        Code.HIDDEN_CHARACTER,
        Code.SYNTAX,
        Code.ID_MISSING,
        Code.ID_INVALID,
        Code.ID_DUPLICATE,
        Code.ANNOTATION_UNKNOWN,
    }
)
"""What is wrong whatever the catalog says."""


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """Policies by id, and their index by scope; `warnings` are the problems that refuse nothing.

    `mapping` is the claims mapping that they were checked with, so the one that principals must be made by.
    """

    policies: Mapping[str, Policy]
    index: PolicyIndex
    warnings: tuple[Problem, ...]
    held: Held
    mapping: IdentityMapping = BUILT_IN


def compile_policies(
    sources: Mapping[str, bytes],
    *,
    catalog: Catalog,
    mapping: IdentityMapping = BUILT_IN,
    previous: CompiledPolicies | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CompiledPolicies:
    """The policies of `sources` (file name to bytes), checked against `catalog` and `mapping`.

    What `previous` has of the same two is not read and validated again.

    Raises:
        ConfigurationError: with every error of every file.

    """
    compilation = Compilation(
        catalog, mapping=mapping, held=None if previous is None else previous.held, progress=progress
    )
    written, policies = _checked(compilation, sources)
    errors = [problem for problem in compilation.problems if problem.severity is Severity.ERROR]
    if errors:
        raise ConfigurationError(errors)
    compiled = {
        key: policy_of(one.reviewed.tree, statement=one.statement, place=Place(one.file, one.line))
        for key, one in sorted(policies.items())
    }
    warnings = tuple(sorted(set(compilation.problems)))
    held = compilation.held(written, policies)
    return CompiledPolicies(compiled, PolicyIndex(compiled.values()), warnings, held, mapping)


def check_policies(
    sources: Mapping[str, bytes],
    *,
    catalog: Catalog,
    mapping: IdentityMapping = BUILT_IN,
    progress: Callable[[Progress], None] | None = None,
) -> list[Problem]:
    """Every problem of `sources` (file name to bytes), errors and warnings."""
    compilation = Compilation(catalog, mapping=mapping, progress=progress)
    _checked(compilation, sources)
    return compilation.problems


def _checked(compilation: Compilation, sources: Mapping[str, bytes]) -> tuple[list[Written], dict[str, Written]]:
    """What stands in `sources`, and the policies among it by id, after every check."""
    # (1) Read the policies, and look at each by itself.
    written = compilation.read({file: raw for file, raw in sources.items() if not file.endswith(SUFFIX)})
    # (2) Give each its id, and make policies of templates by links.
    policies = compilation.name(written, {file: raw for file, raw in sources.items() if file.endswith(SUFFIX)})
    # (3) Validate what has not been validated before.
    compilation.validate([*written, *(one for one in policies.values() if one.link is not None)])
    # (4) Compare the policies with each other.
    compilation.compare(policies)
    return written, policies


def problems_in(sources: Mapping[str, bytes]) -> list[Problem]:
    """What is wrong with `sources` whatever the catalog says: for when there is no catalog to check against."""
    compilation = Compilation(Catalog([]), mapping=BUILT_IN)
    written = compilation.read({file: raw for file, raw in sources.items() if not file.endswith(SUFFIX)})
    compilation.name(written, {})
    found = [*compilation.problems, *(problem for one in written for problem in one.problems(one.reviewed.notes))]
    return [problem for problem in found if problem.code in _WITHOUT_CATALOG]
