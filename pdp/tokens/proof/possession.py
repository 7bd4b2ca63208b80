"""Possession: who presents a token shows all that it is bound to, on every request."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.identity.claims import VerifiedClaims
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.possession import Binding, NonceUse
from pdp.tokens.presented import Presented, Scheme
from pdp.tokens.proof.dpop import ProofChecker
from pdp.tokens.proof.nonce import SECRET_BYTES, Nonces, read_nonce_secret
from pdp.tokens.proof.refusal import unproven
from pdp.tokens.proof.replay import SeenProofs


@dataclass(frozen=True, slots=True)
class BindingRule:
    """What the tokens of one issuer must be bound to: a key, a client certificate, both or neither."""

    key: Binding = Binding.ALLOWED
    certificate: Binding = Binding.ALLOWED


_UNRULED: Final = BindingRule()


class Possession:
    """Checks what holders must show; `rules` are by the issuer's alias, an issuer without one requires nothing."""

    def __init__(self, proofs: ProofChecker, *, rules: Mapping[str, BindingRule]) -> None:
        self._proofs = proofs
        self._rules = rules

    def check(self, presented: Presented, claims: VerifiedClaims, *, now: float) -> None:
        """Return when `presented` shows everything that `claims`, its own, are bound to; `now` is Unix seconds.

        Raises:
            TokenError: as `ProofChecker.check`, and `proof_invalid` for a certificate that is missing or
                another (RFC 8705 section 3), a scheme that is not the token's (RFC 9449 section 7), or a
                token that should be bound and is not.

        """
        # (1) the issuer's rule
        rule, bound = self._rules.get(claims.alias, _UNRULED), claims.confirmation
        if rule.key is Binding.REQUIRED and bound.key is None:
            raise unproven("the issuer's tokens must be bound to a key, and this one is not")
        if rule.certificate is Binding.REQUIRED and bound.certificate is None:
            raise unproven("the issuer's tokens must be bound to a certificate, and this one is not")
        # (2) the scheme
        if (presented.scheme is Scheme.DPOP) is not (bound.key is not None):
            detail = "bound to a key and presented without a proof" if bound.key is not None else "not bound to a key"
            raise unproven(f"the token is {detail}, so scheme `{presented.scheme}` is not for it")
        # (3) the certificate
        if bound.certificate is not None:
            _check_certificate(presented.certificate, bound.certificate)
        # (4) the key, last: a proof is used up by being accepted
        if bound.key is not None:
            self._proofs.check(presented, key=bound.key, now=now)


def open_possession(identity: IdentitySettings, *, base: Path) -> Possession:
    """What the settings `identity` ask of holders; files are relative to `base`.

    Raises:
        UnusableError: the secret of nonces cannot be used.

    """
    dpop, nonces = identity.dpop, None
    if dpop.nonce is NonceUse.REQUIRED:
        secret = (
            secrets.token_bytes(SECRET_BYTES) if dpop.nonce_key is None else read_nonce_secret(base / dpop.nonce_key)
        )
        nonces = Nonces(secret, lifetime=dpop.nonce_lifetime, leeway=identity.leeway)
    seen = SeenProofs(entries=dpop.replay_entries)
    proofs = ProofChecker(seen, max_age=dpop.max_age, leeway=identity.leeway, nonces=nonces)
    rules = {issuer.alias: BindingRule(issuer.dpop, issuer.certificate_bound) for issuer in identity.issuers}
    return Possession(proofs, rules=rules)


def _check_certificate(shown: str | None, expected: str) -> None:
    if shown is None:
        raise unproven("the token is bound to a certificate, and the client showed none")
    if not hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")):
        raise unproven("the token is bound to another certificate")
