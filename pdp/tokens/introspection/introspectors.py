"""The issuers whose opaque tokens are accepted, as the settings have them."""

import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import Problem
from pdp.core.settings.identity import IdentitySettings, IssuerSettings
from pdp.core.settings.introspection import IntrospectionSettings
from pdp.tokens.fetch.discovery import Discovery, metadata_urls
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.introspection.answer import IntrospectedIssuer
from pdp.tokens.introspection.client import client_authentication
from pdp.tokens.introspection.introspector import Introspector
from pdp.tokens.introspection.question import HttpQuestions
from pdp.tokens.verification import Verifier

_SETTING: Final = "identity.issuers"
_LIKE_JWT: Final = re.compile(r"e[w-z0-9_-]")
"""How the base64url of an object begins."""


@dataclass(frozen=True, slots=True)
class Introspectors:
    """Verifiers of opaque tokens: by the prefix of an issuer's tokens, or the one for all others."""

    prefixed: Mapping[str, Verifier] = field(default_factory=dict)
    rest: Verifier | None = None


def introspection_problems(identity: IdentitySettings, *, taken: Collection[str] = ()) -> tuple[Problem, ...]:
    """Everything that would keep opaque tokens from going to their own issuer and to no other.

    `taken` are prefixes of credentials that are no issuer's, such as API keys.
    """
    asked = [(issuer, issuer.introspection) for issuer in identity.issuers if issuer.introspection is not None]
    problems = []
    for issuer, settings in asked:
        prefix = settings.token_prefix
        if prefix is None and len(asked) > 1:
            message = "with several issuers of opaque tokens each needs a `token_prefix` of its own"
            problems.append(_problem(issuer, message))
        if prefix is not None:
            others = [other.token_prefix or "" for _, other in asked if other is not settings]
            problems += [_problem(issuer, text) for text in _prefix_faults(prefix, others=others, taken=taken)]
        problems += _place_problems(issuer, settings)
    return tuple(problems)


def open_introspectors(
    identity: IdentitySettings,
    *,
    base: Path,
    fetcher: Fetcher,
    discoveries: Mapping[str, Discovery],
    log: FilteringBoundLogger,
) -> Introspectors:
    """The introspectors of `identity`, which has no problems; files are relative to `base`.

    `discoveries` has, by alias, the metadata of issuers whose endpoint the settings do not name.

    Raises:
        UnusableError: a secret or key cannot be used.

    """
    prefixed: dict[str, Verifier] = {}
    rest: Verifier | None = None
    for issuer in identity.issuers:
        settings = issuer.introspection
        if settings is None:
            continue
        client = client_authentication(settings, audience=issuer.issuer, base=base, randomness=secrets.token_bytes)
        place = discoveries[issuer.alias] if settings.endpoint is None else read_endpoint(settings.endpoint)
        questions = HttpQuestions(place, client=client, fetcher=fetcher, timeout=settings.timeout)
        introspector = Introspector(
            _expected(issuer, settings, identity.leeway),
            questions,
            timeout=settings.timeout,
            max_concurrent=settings.max_concurrent,
            log=log,
        )
        if settings.token_prefix is None:
            rest = introspector
        else:
            prefixed[settings.token_prefix] = introspector
    return Introspectors(prefixed, rest)


def _expected(issuer: IssuerSettings, settings: IntrospectionSettings, leeway: float) -> IntrospectedIssuer:
    return IntrospectedIssuer(
        alias=issuer.alias,
        issuer=issuer.issuer,
        audience=issuer.audience,
        leeway=leeway,
        max_age=settings.max_age,
        without_audience=settings.without_audience,
        without_subject=settings.without_subject,
        max_lifetime=issuer.max_lifetime,
    )


def _prefix_faults(prefix: str, *, others: Iterable[str], taken: Iterable[str]) -> Iterator[str]:
    if any(other.startswith(prefix) for other in others):
        yield f"the prefix `{prefix}` begins another issuer's tokens too"
    if any(other.startswith(prefix) or prefix.startswith(other) for other in taken):
        yield f"the prefix `{prefix}` is that of another kind of credential"
    if _LIKE_JWT.match(prefix):
        yield f"the prefix `{prefix}` is how signed tokens begin"


def _place_problems(issuer: IssuerSettings, settings: IntrospectionSettings) -> list[Problem]:
    try:
        if settings.endpoint is None:
            metadata_urls(issuer.issuer)
        else:
            read_endpoint(settings.endpoint)
    except UnavailableError as error:
        return [_problem(issuer, str(error))]
    return []


def _problem(issuer: IssuerSettings, message: str) -> Problem:
    return Problem(_SETTING, 0, 0, "introspection_invalid", f"issuer `{issuer.alias}`: {message}")
