"""Whom we believe: the authenticator that the settings ask for."""

from collections.abc import Callable
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.settings.identity import IdentitySettings
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.claims_cache import ClaimsCache
from pdp.tokens.identity_problems import identity_problems
from pdp.tokens.introspection.introspectors import open_introspectors
from pdp.tokens.local.id_jag.clients import read_clients
from pdp.tokens.local.id_jag.exchange import Exchange
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.opened import open_credentials
from pdp.tokens.proof.possession import open_possession
from pdp.tokens.signed.verifier import TokenVerifier
from pdp.tokens.trusted_issuers import TrustedIssuers


def build_authenticator(identity: IdentitySettings, *, base: Path, log: FilteringBoundLogger) -> Authenticator:
    """The authenticator of `identity`, with a cache of what it found; files are relative to `base`.

    Raises:
        ConfigurationError: no issuer at all, two that cannot be told apart, an algorithm that is not
            asymmetric, or keys that cannot be there; all of it at once.
        UnusableError: the key of the development issuer, that of nonces, or what introspection needs cannot be used.

    """
    problems = identity_problems(identity, base=base)
    if problems:
        raise ConfigurationError(problems)
    known = TrustedIssuers(identity, base=base, log=log)
    dev, local = known.unsafe_dev(), open_credentials(identity, base=base, log=log)
    own = [] if local.issuer is None else [known.own(local.issuer)]
    verifier = TokenVerifier([*known.configured(), *dev, *own], leeway=identity.leeway, log=log)
    # Each use of an unsafe issuer is logged, so each of its tokens is verified.
    signed = ClaimsCache(verifier, never={issuer.alias for issuer in dev})
    opaque = open_introspectors(identity, base=base, fetcher=known.fetcher, discoveries=known.discoveries, log=log)
    return Authenticator(
        local.around(signed),
        possession=open_possession(identity, base=base),
        opaque=opaque.rest,
        prefixed={**opaque.prefixed, **local.prefixed},
        passwords=local.passwords,
    )


def open_exchange(
    identity: IdentitySettings,
    *,
    issuer: LocalIssuer,
    base: Path,
    random: Callable[[int], bytes],
    log: FilteringBoundLogger,
) -> Exchange:
    """The exchange of assertions that `identity` asks for, for tokens of `issuer`; `random` gives so many bytes.

    Raises:
        ConfigurationError: no issuer's assertions are to be exchanged, or a client's secret will not do.
        UnusableError: a client's secret cannot be read.

    """
    jag = identity.id_jag
    if jag is None:
        raise ConfigurationError([Problem("identity.id_jag", 0, 0, "id_jag_missing", "no assertions are exchanged")])
    issuers = TrustedIssuers(identity, base=base, log=log)
    providers = issuers.asserting(issuer.issuer, aliases=jag.issuers, max_lifetime=jag.max_lifetime)
    return Exchange(
        TokenVerifier(providers, leeway=identity.leeway, log=log),
        clients=read_clients(jag.clients, base=base),
        issuer=issuer,
        leeway=identity.leeway,
        random=random,
        log=log,
    )
