"""Forgeries in form: signatures, segments, JSON."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.tokens.minting import EC_KEY, ED_KEY, segment
from tests.unit.tokens.signed.forging import Forgery, Scene, signing_input

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def forged_signatures(scene: Scene) -> Iterator[Forgery]:
    """Signatures that a lax reader takes."""
    text = signing_input(scene.header(), scene.claims())
    signature = base64.urlsafe_b64decode(scene.good().rpartition(".")[2] + "==")
    forged = {
        "zeros": bytes(64),
        "zeros in DER": bytes.fromhex("3006020100020100"),
        "ones": b"\0" * 31 + b"\1" + b"\0" * 31 + b"\1",
        "in DER": EC_KEY.sign(text.encode(), ec.ECDSA(hashes.SHA256())),
        "cut short": signature[:-1],
        "of 63 bytes": signature[1:],
        "with a byte more": signature + b"\0",
        "twice": signature * 2,
        "its halves swapped": signature[32:] + signature[:32],
        "of one byte": b"\0",
        "of a kilobyte": bytes(1024),
    }
    for label, content in forged.items():
        yield Forgery(f"ES256 signature {label}", f"{text}.{segment(content)}")
    yield Forgery("no signature", f"{text}.")
    other = scene.with_claims(sub="root")
    yield Forgery("signature of another token", f"{text}.{other.rpartition('.')[2]}")
    yield Forgery("claims of another token", f"{other.rpartition('.')[0]}.{segment(signature)}")
    ed_text = signing_input(scene.header(alg="EdDSA", kid="ed"), scene.claims())
    yield Forgery("EdDSA signature zeros", f"{ed_text}.{segment(bytes(64))}")
    yield Forgery("EdDSA signature of order one", f"{ed_text}.{segment(bytes([1]) + bytes(63))}")
    ed_good = scene.token(scene.header(alg="EdDSA", kid="ed"), scene.claims(), key=ED_KEY, algorithm="EdDSA")
    yield Forgery("EdDSA signature with spare bits", ed_good[:-1] + _ALPHABET[_ALPHABET.index(ed_good[-1]) ^ 1])
    raw = base64.urlsafe_b64decode(ed_good.rpartition(".")[2] + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    raised = int.from_bytes(raw[32:], "little") + order
    yield Forgery("EdDSA signature that is malleable", f"{ed_text}.{segment(raw[:32] + raised.to_bytes(32, 'little'))}")


def forged_forms(scene: Scene) -> Iterator[Forgery]:
    """What is no compact token, or almost one (RFC 7515, section 7.1; RFC 7516)."""
    good = scene.good()
    head, body, signature = good.split(".")
    sealed = segment(b'{"alg":"dir","enc":"A128GCM"}')
    forms = {
        "a space before": f" {good}",
        "a space after": f"{good} ",
        "a tab within": f"{head}\t.{body}.{signature}",
        "a line feed after": f"{good}\n",
        "a carriage return and a line feed after": f"{good}\r\n",
        "a folded line": f"{head}.\r\n {body}.{signature}",
        "a NUL after": f"{good}\0",
        "a no-break space before": f"\u00a0{good}",
        "a byte order mark before": f"\ufeff{good}",
        "an invisible character within": f"{head}.\u200b{body}.{signature}",
        "full-width dots": good.replace(".", "\uff0e"),
        "percent-encoded dots": good.replace(".", "%2E"),
        "the scheme twice": f"Bearer {good}",
        "quotes": f'"{good}"',
        "a comma and a second token": f"{good},{good}",
        "a space and a second token": f"{good} {good}",
        "two segments": f"{head}.{body}",
        "four segments": f"{good}.{signature}",
        "five segments": f"{good}.{signature}.{signature}",
        "an empty header": f".{body}.{signature}",
        "empty claims": f"{head}..{signature}",
        "dots alone": "..",
        "one character": "a",
        "padding": f"{head}=.{body}.{signature}=",
        "the alphabet of plain base64": f"{head}.{body}.{'+/' * 43}",
        "encrypted": f"{sealed}..{segment(bytes(12))}.AA.{segment(bytes(16))}",
        "flattened JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        "general JSON": json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]}),
        "base64 around it": segment(good.encode()),
        "16 KiB and a byte": "a" * 16_385,
        "a megabyte": f"{head}.{'a' * 1_000_000}.{signature}",
        "no ASCII": "töken.töken.töken",
        "a lone surrogate": f"{good}\ud800",
    }
    for label, token in forms.items():
        yield Forgery(f"form: {label}", token)
    yield Forgery("form: spare bits in the header", _with_spare_bits(scene))
    yield Forgery("form: huge claims", scene.with_claims(blob="x" * 16_384))
    yield Forgery("form: huge header", scene.with_header(blob="x" * 16_384))
    yield Forgery("form: a token in the token", scene.token(scene.header(cty="JWT"), good.encode()))
    yield Forgery("form: claims announced as a token", scene.with_header(cty="JWT"))
    for member in ("enc", "zip"):
        yield Forgery(f"form: a header with `{member}`", scene.with_header(**{member: "A128GCM"}))


def forged_json(scene: Scene) -> Iterator[Forgery]:
    """JSON that two readers could read differently, or that is none."""
    good = json.dumps(scene.claims())[1:-1]
    iss, aud = json.dumps(scene.issuer), json.dumps(scene.audience)
    bodies: dict[str, bytes] = {
        "`iss` twice": f'{{"iss":"https://evil.example.com",{good}}}'.encode(),
        "`iss` twice alike": f'{{"iss":{iss},{good}}}'.encode(),
        "`aud` twice": f'{{{good},"aud":{aud}}}'.encode(),
        "`sub` twice": f'{{{good},"sub":"root"}}'.encode(),
        "`exp` twice": f'{{{good},"exp":9999999999}}'.encode(),
        "`sub` twice, once escaped": f'{{{good},"\\u0073ub":"root"}}'.encode(),
        "a member twice far within": f'{{{good},"a":[{{"b":1,"b":2}}]}}'.encode(),
        "a comma at the end": f"{{{good},}}".encode(),
        "a comment": f"{{{good}/*,*/}}".encode(),
        "single quotes": f"{{{good},'a':1}}".encode(),
        "something after it": f"{{{good}}}{{}}".encode(),
        "a byte order mark": b"\xef\xbb\xbf" + f"{{{good}}}".encode(),
        "UTF-16": f"{{{good}}}".encode("utf-16"),
        "bytes that are no UTF-8": f'{{{good},"a":"'.encode() + b'\xff"}',
        "an overlong encoding": f'{{{good},"a":"'.encode() + b'\xc0\xaf"}',
        "a lone surrogate": f'{{{good},"a":"\\ud800"}}'.encode(),
        "a NUL within": f'{{{good},"a":"'.encode() + b'\0"}',
        "a NUL after it": f"{{{good}}}\0".encode(),
        "NaN": f'{{{good},"a":NaN}}'.encode(),
        "Infinity": f'{{{good},"a":-Infinity}}'.encode(),
        "a number out of range": f'{{{good},"a":1e999}}'.encode(),
        "a number of 70 bits": f'{{{good},"a":1180591620717411303424}}'.encode(),
        "a leading zero": f'{{{good},"a":01}}'.encode(),
        "33 levels": f'{{{good},"a":{"[" * 32}{"]" * 32}}}'.encode(),
        "5,000 levels": f'{{{good},"a":{"[" * 5000}'.encode(),
        "a list": b"[" + f"{{{good}}}".encode() + b"]",
        "text": json.dumps(f"{{{good}}}").encode(),
        "null": b"null",
        "an empty object": b"{}",
        "cut off": f"{{{good}".encode(),
        "YAML": b"iss: x\naud: y",
    }
    for label, body in bodies.items():
        yield Forgery(f"claims are JSON with {label}", scene.token(scene.header(), body))
    heads: dict[str, bytes] = {
        "`alg` twice": b'{"alg":"none","alg":"ES256","kid":"k1","typ":"at+jwt"}',
        "`kid` twice": b'{"alg":"ES256","kid":"x","kid":"k1","typ":"at+jwt"}',
        "`crit` escaped": b'{"alg":"ES256","kid":"k1","typ":"at+jwt","\\u0063rit":["x"]}',
        "a byte order mark": b'\xef\xbb\xbf{"alg":"ES256","kid":"k1","typ":"at+jwt"}',
        "a list": b'[{"alg":"ES256"}]',
        "null": b"null",
        "many levels": b'{"alg":"ES256","kid":"k1","typ":"at+jwt","a":' + b"[" * 100 + b"]" * 100 + b"}",
    }
    for label, head in heads.items():
        yield Forgery(f"header is JSON with {label}", scene.token(head, scene.claims()))


def _with_spare_bits(scene: Scene) -> str:
    # A header whose last character has bits that carry nothing, in another spelling and signed as it is spelled.
    padded = next(
        text
        for text in (scene.token(scene.header(a="x" * size), scene.claims()) for size in range(3))
        if len(text.split(".")[0]) % 4
    )
    head, body, _ = padded.split(".")
    twin = head[:-1] + _ALPHABET[_ALPHABET.index(head[-1]) ^ 1]
    return _resigned(f"{twin}.{body}")


def _resigned(text: str, *, key: Any = EC_KEY) -> str:
    der = key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    return f"{text}.{segment(_raw(der))}"


def _raw(der: bytes) -> bytes:
    length = der[3]
    r, s = der[4 : 4 + length], der[6 + length :]
    return b"".join(int.from_bytes(part, "big").to_bytes(32, "big") for part in (r, s))
