"""Whom we believe: the authenticator that the settings ask for."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.settings.identity import DevIssuerSettings, IdentitySettings, IssuerSettings
from pdp.core.settings.local_identity import LocalIssuerSettings
from pdp.core.settings.model import Settings
from pdp.hosting.address import Exposure, listen_address
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.claims_cache import ClaimsCache
from pdp.tokens.fetch.discovery import Discovery, metadata_urls
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.introspection.introspectors import introspection_problems, open_introspectors
from pdp.tokens.local.api_keys.key_text import KEY_PREFIX
from pdp.tokens.local.dev_issuer import DEV_ALGORITHM, DevIssuer, DevKeys
from pdp.tokens.local.id_jag.clients import read_clients
from pdp.tokens.local.id_jag.exchange import ID_JAG_TYPE, Exchange
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.opened import local_problems, open_credentials
from pdp.tokens.local.signing_key import SIGNING_ALGORITHM
from pdp.tokens.proof.possession import open_possession
from pdp.tokens.signed.jwks import ALGORITHMS, read_key_set
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.key_source import DiscoveredKeys, FileKeys, KeySource, UrlKeys
from pdp.tokens.signed.verifier import IssuerTrust, TokenVerifier, TrustedIssuer

_ISSUERS: Final = "identity.issuers"


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
    fetcher = Fetcher(private_networks=identity.private_networks)
    discoveries = _discoveries(identity, fetcher, log)
    issuers = [_configured(issuer, identity, base, fetcher, discoveries, log) for issuer in identity.issuers]
    unsafe = set()
    if identity.unsafe_dev_issuer is not None:
        log.warning("unsafe_dev_issuer_used", at="start", issuer=identity.unsafe_dev_issuer.alias)
        issuers.append(_unsafe_dev(identity.unsafe_dev_issuer, identity, base, log))
        unsafe.add(identity.unsafe_dev_issuer.alias)  # each use is logged, so each is verified
    local = open_credentials(identity, base=base, log=log)
    if local.issuer is not None:
        issuers.append(_own(local.issuer, identity, log))
    signed = local.around(ClaimsCache(TokenVerifier(issuers, leeway=identity.leeway, log=log), never=unsafe))
    opaque = open_introspectors(identity, base=base, fetcher=fetcher, discoveries=discoveries, log=log)
    return Authenticator(
        signed,
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
    fetcher = Fetcher(private_networks=identity.private_networks)
    discoveries = _discoveries(identity, fetcher, log)
    providers = [
        replace(
            _configured(provider, identity, base, fetcher, discoveries, log),
            audience=issuer.issuer,
            token_types=frozenset({ID_JAG_TYPE}),
            max_lifetime=jag.max_lifetime,
        )
        for provider in identity.issuers
        if provider.alias in jag.issuers
    ]
    return Exchange(
        TokenVerifier(providers, leeway=identity.leeway, log=log),
        clients=read_clients(jag.clients, base=base),
        issuer=issuer,
        leeway=identity.leeway,
        random=random,
        log=log,
    )


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
        elif _is_url(issuer.jwks):
            read_endpoint(issuer.jwks)
        else:
            read_key_set(FileKeys(base / issuer.jwks).read())
    except UnavailableError as error:
        return [_problem("jwks_invalid", f"issuer `{issuer.alias}`: {where}: {error}")]
    return []


def _configured(
    issuer: IssuerSettings,
    identity: IdentitySettings,
    base: Path,
    fetcher: Fetcher,
    discoveries: Mapping[str, Discovery],
    log: FilteringBoundLogger,
) -> TrustedIssuer:
    source = _key_source(issuer, identity, base, fetcher, discoveries)
    return TrustedIssuer(
        issuer.alias,
        issuer.issuer,
        issuer.audience,
        frozenset(issuer.algorithms),
        KeyCache(source, alias=issuer.alias, max_age=identity.jwks_max_age, log=log),
        token_types=frozenset(issuer.token_types),
        max_lifetime=issuer.max_lifetime,
    )


def _key_source(
    issuer: IssuerSettings,
    identity: IdentitySettings,
    base: Path,
    fetcher: Fetcher,
    discoveries: Mapping[str, Discovery],
) -> KeySource:
    if issuer.jwks is None:
        return DiscoveredKeys(discoveries[issuer.alias], fetcher=fetcher, timeout=identity.jwks_timeout)
    if _is_url(issuer.jwks):
        return UrlKeys(read_endpoint(issuer.jwks), fetcher=fetcher, timeout=identity.jwks_timeout)
    return FileKeys(base / issuer.jwks)


def _discoveries(identity: IdentitySettings, fetcher: Fetcher, log: FilteringBoundLogger) -> Mapping[str, Discovery]:
    """By alias, the metadata of each issuer whose settings leave something to it."""
    return {
        issuer.alias: Discovery(
            issuer.issuer,
            fetcher=fetcher,
            timeout=identity.jwks_timeout,
            max_age=identity.jwks_max_age,
            log=log.bind(issuer=issuer.alias),
        )
        for issuer in identity.issuers
        if issuer.jwks is None or (issuer.introspection is not None and issuer.introspection.endpoint is None)
    }


def _unsafe_dev(
    dev: DevIssuerSettings, identity: IdentitySettings, base: Path, log: FilteringBoundLogger
) -> TrustedIssuer:
    source = DevKeys(DevIssuer.open(dev, base=base))
    keys = KeyCache(source, alias=dev.alias, max_age=identity.jwks_max_age, log=log)
    return TrustedIssuer(
        dev.alias, dev.issuer, dev.audience, frozenset({DEV_ALGORITHM}), keys, trust=IssuerTrust.UNSAFE_DEV
    )


def _own(local: LocalIssuer, identity: IdentitySettings, log: FilteringBoundLogger) -> TrustedIssuer:
    keys = KeyCache(local.key, alias=local.alias, max_age=identity.jwks_max_age, log=log)
    return TrustedIssuer(local.alias, local.issuer, local.audience, frozenset({SIGNING_ALGORITHM}), keys)


def _is_url(jwks: str) -> bool:
    return "://" in jwks


def _problem(code: str, message: str) -> Problem:
    return Problem(_ISSUERS, 0, 0, code, message)
