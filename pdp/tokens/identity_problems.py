"""What of the settings would keep callers from being identified as they should."""

from collections import Counter
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import Problem
from pdp.core.settings.identity import DevIssuerSettings, IdentitySettings, IssuerSettings
from pdp.core.settings.local_identity import LocalIssuerSettings
from pdp.core.settings.model import Settings
from pdp.hosting.address import Exposure, listen_address
from pdp.tokens.fetch.discovery import metadata_urls
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.introspection.introspectors import introspection_problems
from pdp.tokens.local.api_keys.key_text import KEY_PREFIX
from pdp.tokens.local.opened import local_problems
from pdp.tokens.signed.jwks import ALGORITHMS, read_key_set
from pdp.tokens.signed.key_source import FileKeys, is_url

_ISSUERS: Final = "identity.issuers"


def identity_problems(identity: IdentitySettings, *, base: Path) -> tuple[Problem, ...]:
    """Everything about the issuers that would keep a verifier from being built."""
    dev = [] if identity.unsafe_dev_issuer is None else [identity.unsafe_dev_issuer]
    own = [] if identity.local_issuer is None else [identity.local_issuer]
    every: list[IssuerSettings | DevIssuerSettings | LocalIssuerSettings] = [*identity.issuers, *dev, *own]
    keys = [] if identity.api_keys is None else [identity.api_keys]
    problems = local_problems(identity)
    if not every and not keys:
        problems.append(_problem("issuer_missing", "name at least one issuer: without one nobody is believed"))
    for name, count in Counter(known.alias for known in (*every, *keys)).items():
        if count > 1:
            problems.append(_problem("issuer_duplicate", f"the alias `{name}` belongs to {count} issuers"))
    for name, count in Counter(issuer.issuer for issuer in every).items():
        if count > 1:
            problems.append(_problem("issuer_duplicate", f"the issuer `{name}` is configured {count} times"))
    for issuer in identity.issuers:
        problems += _issuer_problems(issuer, base)
    problems += introspection_problems(identity, taken={KEY_PREFIX})
    return tuple(sorted(set(problems)))


def refuse_dev_issuer_off_loopback(settings: Settings) -> tuple[Problem, ...]:
    """A problem for each listener that is reachable from the network while anybody here can sign tokens.

    Raises:
        ConfigurationError: a listen address cannot be read.

    """
    if settings.identity.unsafe_dev_issuer is None:
        return ()
    listeners = {"gateway.listen": settings.gateway.listen, "pdp.listen": settings.pdp.listen}
    if settings.pdp.admin is not None:
        listeners["pdp.admin.listen"] = settings.pdp.admin.listen
    message = "`identity.unsafe_dev_issuer` is refused where the network can reach the listener: use loopback"
    return tuple(
        Problem(setting, 0, 0, "unsafe_dev_issuer", message)
        for setting, listen in sorted(listeners.items())
        if listen_address(listen, setting=setting).exposure is Exposure.NETWORK
    )


def _issuer_problems(issuer: IssuerSettings, base: Path) -> list[Problem]:
    problems = []
    for name in sorted(set(issuer.algorithms) - ALGORITHMS):
        message = f"issuer `{issuer.alias}`: the algorithm `{name}` is not one of {', '.join(sorted(ALGORITHMS))}"
        problems.append(_problem("algorithm_refused", message))
    if not issuer.algorithms:
        problems.append(_problem("algorithm_refused", f"issuer `{issuer.alias}`: name at least one algorithm"))
    problems += _key_problems(issuer, base)
    return problems


def _key_problems(issuer: IssuerSettings, base: Path) -> list[Problem]:
    where = "the keys" if issuer.jwks is not None else "the metadata, which is where the keys are found without `jwks`"
    try:
        if issuer.jwks is None:
            metadata_urls(issuer.issuer)
        elif is_url(issuer.jwks):
            read_endpoint(issuer.jwks)
        else:
            read_key_set(FileKeys(base / issuer.jwks).read())
    except UnavailableError as error:
        return [_problem("jwks_invalid", f"issuer `{issuer.alias}`: {where}: {error}")]
    return []


def _problem(code: str, message: str) -> Problem:
    return Problem(_ISSUERS, 0, 0, code, message)
