"""The section `gateway` of the settings: the gateway, and what `toolgate wrap` shares with it."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pdp.core.contract.record_terms import Recording
from pdp.core.identity.access import Shown
from pdp.core.settings.decision_point import LogMode
from pdp.core.settings.pdp_credentials import PdpCredentialSettings
from pdp.core.settings.section import Cidr, FilePath, Seconds, Section
from pdp.core.settings.spool import SpoolSettings


class DecisionMode(StrEnum):
    """Where a gateway's decisions come from; `auto` is remote where `pdp` names one, else embedded."""

    AUTO = "auto"
    REMOTE = "remote"
    EMBEDDED = "embedded"


class AddressSource(StrEnum):
    """Where a client's address is read: at the connection, or where listed proxies write it."""

    PEER = "peer"
    FORWARDED = "forwarded"
    X_FORWARDED_FOR = "x-forwarded-for"
    PROXY_PROTOCOL = "proxy-protocol"


class CertificateForm(StrEnum):
    """How a proxy that ends TLS names the client's certificate."""

    RFC9440 = "rfc9440"
    """The certificate, as RFC 9440 has it in `Client-Cert`."""
    PEM_ESCAPED = "pem_escaped"
    """PEM, percent-encoded: nginx's `$ssl_client_escaped_cert`."""
    XFCC_HASH = "xfcc_hash"
    """The `Hash` in Envoy's `x-forwarded-client-cert`."""


class ClientCertificateSettings(Section):
    """The header in which listed proxies name the certificate that the client showed."""

    header: str = Field(pattern=r"^[A-Za-z0-9-]+$")
    form: Annotated[CertificateForm, Field(strict=False)]


def _proxy(value: str) -> str:
    if ipaddress.ip_network(value).prefixlen == 0:
        raise ValueError("must not be everybody: whoever is listed is believed about addresses")
    return value


def _resource(value: str) -> str:
    try:
        parts = urlsplit(value)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or not value.isascii() or not value.isprintable() or any(c in value for c in '#?@\\"<> '):
        raise ValueError("must be an `http` or `https` URL without user, query and fragment")
    return value


class GatewaySpoolSettings(SpoolSettings):
    """The spool of an enforcer's records; without `mode` it is `pdp.log.mode`."""

    path: FilePath = Path(".toolgate/spool/")
    mode: Annotated[LogMode, Field(strict=False)] | None = None


class GatewaySettings(Section):
    """The gateway, and what `toolgate wrap` shares with it."""

    listen: str = "127.0.0.1:8080"
    name: str = Field(default="gateway", pattern=r"^[a-z0-9][a-z0-9-]*$")
    resource: Annotated[str, AfterValidator(_resource)] | None = None
    resource_name: str | None = Field(default=None, min_length=1, max_length=200)
    decisions: Annotated[DecisionMode, Field(strict=False)] = DecisionMode.AUTO
    pdp: list[str] = []
    key: FilePath = Path(".toolgate/gateway.key")
    record_arguments: Annotated[Recording, Field(strict=False)] = Recording.KEEP
    record_key: FilePath = Path(".toolgate/record.key")
    pdp_credentials: PdpCredentialSettings | None = None
    spool: GatewaySpoolSettings = GatewaySpoolSettings()
    allowed_hosts: list[str] = []
    allowed_origins: list[str] = []
    trusted_proxies: list[Annotated[Cidr, AfterValidator(_proxy)]] = []
    client_address: Annotated[AddressSource, Field(strict=False)] = AddressSource.PEER
    client_certificate: ClientCertificateSettings | None = None
    ip_allow: Annotated[list[Cidr], Field(min_length=1)] | None = None
    max_staleness: Seconds = "10s"  # type: ignore[assignment]
    lists: Annotated[Shown, Field(strict=False)] = Shown.GRANTED
    cache_entries: int = Field(default=10_000, gt=0)
    pdp_timeout: Seconds = "2s"  # type: ignore[assignment]
    upstream_timeout: Seconds = "60s"  # type: ignore[assignment]
    upstream_start_timeout: Seconds = "20s"  # type: ignore[assignment]
    definitions_max_age: Seconds = "60s"  # type: ignore[assignment]
    session_idle: Seconds = "1h"  # type: ignore[assignment]
    max_sessions: int = Field(default=10_000, gt=0)
    max_message_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    max_message_depth: int = Field(default=64, gt=0, le=200)
    denial_code: int = -32001

    @model_validator(mode="after")
    def _somebody_to_believe(self) -> Self:
        if not self.trusted_proxies and self.client_address is not AddressSource.PEER:
            raise ValueError("`client_address` needs the proxies that are believed in `trusted_proxies`")
        if self.client_certificate is None:
            return self
        if not self.trusted_proxies:
            raise ValueError("`client_certificate` needs the proxies that are believed in `trusted_proxies`")
        if self.client_address is AddressSource.PROXY_PROTOCOL:
            # Such a proxy passes on what clients write, headers included.
            raise ValueError("`client_certificate` cannot go with `client_address: proxy-protocol`")
        return self
