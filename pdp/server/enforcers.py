"""The enforcers that may connect: what each shows, and the servers it stands before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.core.settings.decision_point import EnforcerSettings
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.model import Settings
from pdp.server.enforcer_keys import EnforcerKeys, read_enforcer_keys
from pdp.tokens.presented import Presented, bearer
from pdp.tokens.trust import build_authenticator

_TOKENS: Final = frozenset({CredentialKind.SIGNED, CredentialKind.INTROSPECTED})
_CLIENT_CLAIMS: Final = ("client_id", "azp")
_HOW_TO_VERIFY: Final = ("private_networks", "leeway", "jwks_max_age", "jwks_timeout", "dpop")


@dataclass(frozen=True, slots=True)
class EveryServer:
    """All servers: the reach of the gateway of the same file."""


@dataclass(frozen=True, slots=True)
class TheseServers:
    """The servers that were written down."""

    names: frozenset[str]


Reach: TypeAlias = EveryServer | TheseServers


@dataclass(frozen=True, slots=True)
class KnownEnforcer:
    """A caller that has shown an enforcer's credential."""

    name: str
    reach: Reach = EveryServer()

    def beyond(self, servers: Iterable[str]) -> list[str]:
        """Those of `servers` that it does not stand before, sorted."""
        match self.reach:
            case EveryServer():
                return []
            case TheseServers(names):
                return sorted(set(servers) - names)


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client, by the alias of its issuer and its `sub`; `client_id` is what else its tokens name."""

    alias: str
    subject: str
    client_id: str


class Authenticator(Protocol):
    """Verifies tokens."""

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        """The claims behind `presented` at Unix time `now`.

        Raises:
            TokenError: it is not to be believed.

        """
        ...


class Enforcers:
    """Tells enforcers by their credentials; `clients` are known by tokens that `authenticator` verifies."""

    def __init__(
        self,
        reaches: Mapping[str, Reach],
        *,
        keys: EnforcerKeys,
        clients: Mapping[str, Client],
        authenticator: Authenticator | None,
        clock: Clock,
    ) -> None:
        self._reaches = reaches
        self._keys = keys
        self._clients = {(client.alias, client.subject): (name, client) for name, client in clients.items()}
        self._authenticator = authenticator
        self._clock = clock

    async def identify(self, credential: str) -> KnownEnforcer:
        """The enforcer that shows `credential`, a key or a token.

        Raises:
            TokenError: it is none of them.

        """
        name = self._keys.owner(credential.encode("latin-1"))
        if name is None:
            name = await self._client(credential)
        return KnownEnforcer(name, self._reaches[name])

    async def _client(self, token: str) -> str:
        if self._authenticator is None:
            raise _refused("the key is none of the enforcers'")
        claims = await self._authenticator.authenticate(bearer(token), now=self._clock.wall())
        name, client = self._clients.get((claims.alias, claims.subject), (None, None))
        if name is None or client is None or claims.kind not in _TOKENS:
            raise _refused("the token's subject is no enforcer")
        _check_own(claims.claims, client)
        return name


def _check_own(claims: Mapping[str, object], client: Client) -> None:
    """INVARIANT: the token was given to the client for itself, not to it or through it for somebody else."""
    named = [claims[claim] for claim in _CLIENT_CLAIMS if claim in claims]
    if not named or any(value != client.client_id for value in named):
        raise _refused("the token is not the client's")
    if "act" in claims:
        raise _refused("the token is delegated")


def open_enforcers(settings: Settings, *, base: Path, clock: Clock, log: FilteringBoundLogger) -> Enforcers:
    """The enforcers of `pdp.enforcers`, and the gateway of the same file.

    Raises:
        ConfigurationError: with every problem of names, keys and clients.
        UnusableError: a key file cannot be used.

    """
    named = settings.pdp.enforcers
    problems = list(_problems(settings))
    if problems:
        raise ConfigurationError(problems)
    clients = {name: _client_of(one) for name, one in named.items() if one.client_id is not None}
    reaches: dict[str, Reach] = {settings.gateway.name: EveryServer()}
    reaches |= {name: TheseServers(frozenset(one.servers)) for name, one in named.items()}
    return Enforcers(
        reaches,
        keys=read_enforcer_keys(settings, base=base, randomness=clock.randomness),
        clients=clients,
        authenticator=_authenticator(settings, clients, base=base, log=log) if clients else None,
        clock=clock,
    )


def _authenticator(
    settings: Settings, clients: Mapping[str, Client], *, base: Path, log: FilteringBoundLogger
) -> Authenticator:
    aliases = {client.alias for client in clients.values()}
    identity = for_audience(settings, audience=settings.pdp.resource or "")
    known = [issuer for issuer in identity.issuers if issuer.alias in aliases]
    dev = identity.unsafe_dev_issuer
    dev = dev if dev is not None and dev.alias in aliases else None
    return build_authenticator(
        identity.model_copy(update={"issuers": known, "unsafe_dev_issuer": dev}), base=base, log=log
    )


def for_audience(settings: Settings, *, audience: str) -> IdentitySettings:
    """The issuers of `settings`, whose tokens must be for `audience` here, and nothing else that could be believed.

    INVARIANT: keys, passwords and tokens that are made for the gateway, by whatever setting, are none here.
    """
    identity, change = settings.identity, {"audience": audience}
    dev = identity.unsafe_dev_issuer
    return IdentitySettings().model_copy(
        update={name: getattr(identity, name) for name in _HOW_TO_VERIFY}
        | {
            "issuers": [issuer.model_copy(update=change) for issuer in identity.issuers],
            "unsafe_dev_issuer": None if dev is None else dev.model_copy(update=change),
        }
    )


def _client_of(enforcer: EnforcerSettings) -> Client:
    client_id = enforcer.client_id or ""
    return Client(enforcer.issuer or "", enforcer.subject or client_id, client_id)


def _problems(settings: Settings) -> Iterator[Problem]:
    clients = {name: one for name, one in settings.pdp.enforcers.items() if one.client_id is not None}
    if clients and settings.pdp.resource is None:
        text = "enforcers that show tokens need `pdp.resource`, the audience of these tokens"
        yield Problem("pdp.resource", 0, 0, "resource_missing", text)
    identity = settings.identity
    aliases = {issuer.alias for issuer in identity.issuers}
    if identity.unsafe_dev_issuer is not None:
        aliases.add(identity.unsafe_dev_issuer.alias)
    for name, one in clients.items():
        if one.issuer not in aliases:
            yield _problem(f"`{name}`: no issuer has the alias `{one.issuer}`")
    subjects = Counter((client.alias, client.subject) for client in map(_client_of, clients.values()))
    for (_, subject), count in subjects.items():
        if count > 1:
            yield _problem(f"{count} enforcers are the client `{subject}`: give each its own")


def _refused(detail: str) -> TokenError:
    return TokenError(ReasonCode.TOKEN_INVALID, detail)


def _problem(message: str) -> Problem:
    return Problem("pdp.enforcers", 0, 0, "enforcer_invalid", message)
