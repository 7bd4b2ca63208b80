"""The issuers of the settings, each with the way to its keys."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from pdp.core.settings.identity import IdentitySettings, IssuerSettings
from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.local.dev_issuer import DEV_ALGORITHM, DevIssuer, DevKeys
from pdp.tokens.local.id_jag.exchange import ID_JAG_TYPE
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.signing_key import SIGNING_ALGORITHM
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.key_source import DiscoveredKeys, FileKeys, KeySource, UrlKeys, is_url
from pdp.tokens.signed.verifier import IssuerTrust, TrustedIssuer


class TrustedIssuers:
    """Makes the trusted issuers of `identity`, whose files are relative to `base`; all share one `fetcher`.

    `discoveries` has, by alias, the metadata of each issuer whose settings leave something to it.
    """

    def __init__(self, identity: IdentitySettings, *, base: Path, log: FilteringBoundLogger) -> None:
        self._identity = identity
        self._base = base
        self._log = log
        self.fetcher = Fetcher(private_networks=identity.private_networks)
        self.discoveries: Mapping[str, Discovery] = {
            issuer.alias: self._discovery(issuer)
            for issuer in identity.issuers
            if issuer.jwks is None or (issuer.introspection is not None and issuer.introspection.endpoint is None)
        }

    def configured(self) -> list[TrustedIssuer]:
        """The issuers of `identity.issuers`."""
        return [self._configured(issuer) for issuer in self._identity.issuers]

    def unsafe_dev(self) -> list[TrustedIssuer]:
        """The development issuer, where there is one.

        Raises:
            UnusableError: its key cannot be used.

        """
        dev = self._identity.unsafe_dev_issuer
        if dev is None:
            return []
        self._log.warning("unsafe_dev_issuer_used", at="start", issuer=dev.alias)
        keys = self._keys(DevKeys(DevIssuer.open(dev, base=self._base)), dev.alias)
        algorithms = frozenset({DEV_ALGORITHM})
        return [TrustedIssuer(dev.alias, dev.issuer, dev.audience, algorithms, keys, trust=IssuerTrust.UNSAFE_DEV)]

    def own(self, local: LocalIssuer) -> TrustedIssuer:
        """The issuer that this product is itself."""
        keys, algorithms = self._keys(local.key, local.alias), frozenset({SIGNING_ALGORITHM})
        return TrustedIssuer(local.alias, local.issuer, local.audience, algorithms, keys)

    def asserting(self, audience: str, *, aliases: list[str], max_lifetime: float) -> list[TrustedIssuer]:
        """The issuers with `aliases`, of whom assertions for the authorization server `audience` are taken."""
        return [
            replace(
                self._configured(issuer),
                audience=audience,
                token_types=frozenset({ID_JAG_TYPE}),
                max_lifetime=max_lifetime,
            )
            for issuer in self._identity.issuers
            if issuer.alias in aliases
        ]

    def _configured(self, issuer: IssuerSettings) -> TrustedIssuer:
        return TrustedIssuer(
            issuer.alias,
            issuer.issuer,
            issuer.audience,
            frozenset(issuer.algorithms),
            self._keys(self._source(issuer), issuer.alias),
            token_types=frozenset(issuer.token_types),
            max_lifetime=issuer.max_lifetime,
        )

    def _source(self, issuer: IssuerSettings) -> KeySource:
        timeout = self._identity.jwks_timeout
        if issuer.jwks is None:
            return DiscoveredKeys(self.discoveries[issuer.alias], fetcher=self.fetcher, timeout=timeout)
        if is_url(issuer.jwks):
            return UrlKeys(read_endpoint(issuer.jwks), fetcher=self.fetcher, timeout=timeout)
        return FileKeys(self._base / issuer.jwks)

    def _keys(self, source: KeySource, alias: str) -> KeyCache:
        return KeyCache(source, alias=alias, max_age=self._identity.jwks_max_age, log=self._log)

    def _discovery(self, issuer: IssuerSettings) -> Discovery:
        return Discovery(
            issuer.issuer,
            fetcher=self.fetcher,
            timeout=self._identity.jwks_timeout,
            max_age=self._identity.jwks_max_age,
            log=self._log.bind(issuer=issuer.alias),
        )
