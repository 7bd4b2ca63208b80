"""Tokens that are genuinely signed, and whose type or claims are not what they have to be."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pdp.core.contract.reason_code import ReasonCode
from tests.unit.tokens.signed.forging import Forgery, Scene

_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def forged_claims(scene: Scene) -> Iterator[Forgery]:
    """Types, and claims of another type than theirs."""
    types: dict[str, Any] = {
        "JWT": "JWT",
        "absent": ...,
        "null": None,
        "a number": 1,
        "a list": ["at+jwt"],
        "empty": "",
        "an ID token's": "id_token+jwt",
        "a proof's": "dpop+jwt",
        "a logout token's": "logout+jwt",
        "an assertion's": "oauth-id-jag+jwt",
        "an introspection answer's": "token-introspection+jwt",
        "with a space": "at+jwt ",
        "of another media": "text/at+jwt",
        "with its prefix twice": "application/application/at+jwt",
        "with a parameter": "at+jwt; charset=utf-8",
        "with a look-alike": "\u0430t+jwt",
    }
    for label, written in types.items():
        yield Forgery(f"type is {label}", scene.with_header(typ=written))
    wrong: dict[str, Any] = {
        "null": None,
        "a number": 7,
        "a list": ["alice"],
        "an object": {"sub": "alice"},
        "true": True,
    }
    for label, value in {**wrong, "absent": ..., "empty": ""}.items():
        yield Forgery(f"`sub` is {label}", scene.with_claims(sub=value))
    for label, value in {**wrong, "a list of itself": [scene.issuer], "absent": ..., "empty": ""}.items():
        yield Forgery(f"`iss` is {label}", scene.with_claims(iss=value))
    audiences: dict[str, Any] = {
        **wrong,
        "absent": ...,
        "empty": "",
        "an empty list": [],
        "a list of null": [None],
        "a list with a number": [scene.audience, 1],
        "a list in a list": [[scene.audience]],
        "65 audiences": [*(f"https://{number}.example.com" for number in range(64)), scene.audience],
    }
    for label, value in audiences.items():
        yield Forgery(f"`aud` is {label}", scene.with_claims(aud=value), ReasonCode.AUDIENCE_MISMATCH)
    bound: dict[str, Any] = {
        **wrong,
        "text": _THUMBPRINT,
        "empty": {},
        "a key's name": {"kid": "k1"},
        "a key": {"jwk": {"kty": "EC"}},
        "a thumbprint and more": {"jkt": _THUMBPRINT, "kid": "k1"},
        "a SHA-1 thumbprint": {"x5t": _THUMBPRINT},
        "a thumbprint cut short": {"jkt": _THUMBPRINT[:-1]},
        "a thumbprint with spare bits": {"jkt": _THUMBPRINT[:-1] + "J"},
    }
    for label, value in bound.items():
        yield Forgery(f"`cnf` is {label}", scene.with_claims(cnf=value), ReasonCode.PROOF_INVALID)


def wrong_times(scene: Scene) -> Iterator[Forgery]:
    """Times that have passed, are to come, or are none; the verifier's leeway is at most 60 seconds."""
    now = int(scene.now)
    late = {
        "a minute and a second ago": now - 61,
        "an hour ago": now - 3600,
        "0": 0,
        "negative": -now,
        "-1e300": -1e300,
    }
    for label, at in late.items():
        yield Forgery(f"`exp` is {label}", scene.with_claims(exp=at), ReasonCode.TOKEN_EXPIRED)
    never: dict[str, Any] = {
        "absent": ...,
        "null": None,
        "text": str(now + 300),
        "a date": "2099-01-01T00:00:00Z",
        "true": True,
        "a list": [now + 300],
        "an object": {"seconds": now + 300},
        "in milliseconds": (now + 300) * 1000,
        "1e300": 1e300,
        "2^63": 2**63,
    }
    for label, value in never.items():
        yield Forgery(f"`exp` is {label}", scene.with_claims(exp=value))
    for name in ("nbf", "iat"):
        wrong: dict[str, Any] = {
            "a minute and some to come": now + 120,
            "an hour to come": now + 3600,
            "in milliseconds": now * 1000,
            "text": str(now),
            "null": None,
            "false": False,
            "a list": [now],
        }
        for label, value in wrong.items():
            yield Forgery(f"`{name}` is {label}", scene.with_claims(**{name: value}))


def lookalikes(scene: Scene) -> Iterator[Forgery]:
    """Issuers and audiences that a lenient comparison takes for ours."""
    for label, text in _twins(scene.issuer):
        yield Forgery(f"`iss` {label}", scene.with_claims(iss=text))
    for label, text in _twins(scene.audience):
        yield Forgery(f"`aud` {label}", scene.with_claims(aud=text), ReasonCode.AUDIENCE_MISMATCH)
    for label, text in (("with another after a space", f"{scene.audience} https://x"), ("is a wildcard", "*")):
        yield Forgery(f"`aud` {label}", scene.with_claims(aud=text), ReasonCode.AUDIENCE_MISMATCH)
    only = scene.with_claims(aud=..., azp=scene.audience, client_id=scene.audience, resource=scene.audience)
    yield Forgery("the audience in every claim but `aud`", only, ReasonCode.AUDIENCE_MISMATCH)
    named = scene.with_claims(aud=..., AUD=scene.audience)
    yield Forgery("`aud` in another case", named, ReasonCode.AUDIENCE_MISMATCH)


def _twins(url: str) -> Iterator[tuple[str, str]]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    yield "with or without a slash at its end", url[:-1] if url.endswith("/") else f"{url}/"
    yield "in upper case", url.upper()
    yield "with its scheme in upper case", f"{scheme.upper()}://{rest}"
    yield "with another scheme", f"{'http' if scheme == 'https' else 'https'}://{rest}"
    yield "with another port", f"{scheme}://{host}:444{slash}{path}" if ":" not in host else f"{url}:1"
    yield "with a user", f"{scheme}://evil@{rest}"
    yield "as a user of another host", f"{scheme}://{host}@evil.example.com{slash}{path}"
    yield "as part of another host", f"{scheme}://{host}.evil.example.com{slash}{path}"
    yield "with a prefix", f"{scheme}://evil-{rest}"
    yield "with a dot after its host", f"{scheme}://{host}.{slash}{path}"
    yield "with a query", f"{url}?a=b"
    yield "with a fragment", f"{url}#a"
    yield "with a dot segment", f"{url}/../{path}"
    yield "percent-encoded", quote(url, safe="")
    yield "with an encoded character", url[:-1] + f"%{ord(url[-1]):02X}"
    yield "with a Cyrillic letter", url.replace("t", "\u0442", 1)
    yield "with full-width letters", f"{scheme}://{''.join(chr(ord(c) + 0xFEE0) for c in host)}{slash}{path}"
    yield "with a space at its end", f"{url} "
    yield "with a line feed at its end", f"{url}\n"
    yield "with a NUL at its end", f"{url}\0"
    yield "with an invisible character", f"{url}\u200b"
    yield "cut short", url[:-2]
