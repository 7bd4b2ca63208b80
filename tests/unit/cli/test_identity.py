import io
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from pdp.cli.main import run
from pdp.cli.verbs import GROUP
from pdp.core.settings.identity import DevIssuerSettings
from pdp.tokens.local.dev_issuer import DevClaims, DevIssuer

FOUND = [EntryPoint("identity", "pdp.cli.identity:app", GROUP)]
CLAIMS: dict[str, Any] = {
    "iss": "http://127.0.0.1/toolgate-dev-issuer",
    "sub": "alice",
    "groups": ["eng", "ops"],
    "scope": "git:write",
    "email": "alice@example.com",
    "act": {"sub": "bot"},
}
MAPPING = """
version: 1
attributes: {email: string}
scopes: {implies: {"git:write": [git:read]}}
issuers:
  dev:
    id: {claim: sub}
    groups: {claim: groups}
    tenant: {claim: tenant, default: null}
    scopes: {claim: scope, split: " ", default: []}
    attributes: {email: {claim: email, default: null}}
    delegation: {claim: act}
"""

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "identity.yaml").write_text(MAPPING)
    (tmp_path / "toolgate.yaml").write_text("version: 1\nidentity: {unsafe_dev_issuer: {}}\n")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["identity", "explain", *arguments], found=FOUND)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def _token(tmp_path: Path, *, ttl: float = 3600) -> str:
    issuer = DevIssuer.open(DevIssuerSettings(), base=tmp_path)
    now = time.time()  # noqa: TID251 - the command asks the machine's clock too
    return issuer.sign(DevClaims("alice", groups=("eng",)), now=now, ttl=ttl, token_id="1")


def test_a_principal_is_shown_with_the_claim_that_each_part_comes_from(explain: Explain) -> None:
    code, out, _ = explain(json.dumps(CLAIMS))
    assert code == 0
    assert out.splitlines()[:-1] == [
        "not verified: nobody looked at signature, audience and lifetime (`--verify` does)",
        "user dev|alice",
        "  id                dev|alice  (from `sub`)",
        "  groups            dev|eng, dev|ops  (from `groups`)",
        "  roles             none",
        "  tenant            none  (from the default)",
        '  attributes.email  "alice@example.com"  (from `email`)',
        "  scopes            git:write  (from `scope`)",
        "  implied           git:read",
        "  actor             dev|bot",
        "  delegation        1: first dev|bot, last dev|bot, all dev|bot  (from `act`)",
    ]


def test_claims_that_make_nobody_exit_with_1_and_all_that_is_wrong(explain: Explain) -> None:
    code, out, _ = explain(json.dumps(CLAIMS | {"groups": None, "scope": 7}))
    assert code == 1
    assert out.splitlines()[1:] == [
        "no principal: under the mapping's entry for `dev`",
        "  claim `scope` must be an array of texts",
        "  claim `groups` must not be null",
        "the caller reads: the token is valid, but says too little or too much to tell who you are here",
    ]


def test_json_has_the_same(explain: Explain) -> None:
    code, out, _ = explain(json.dumps(CLAIMS), "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["verified"], told["issuer"], told["problems"], told["message"]) == (False, "dev", [], None)
    assert (told["principal"]["id"], told["principal"]["actor"]) == ("dev|alice", "dev|bot")
    assert told["scopes"] == {"granted": ["git:write"], "implied": ["git:read"]}
    assert {"member": "tenant", "claim": None} in told["origins"]
    assert {"member": "attributes.email", "claim": "email"} in told["origins"]
    code, out, _ = explain('{"sub": "a"}', "--issuer", "other", "--json")
    assert (code, json.loads(out)["principal"]) == (1, None)


def test_claims_come_from_a_file_standard_input_or_a_token(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claims.json").write_text(json.dumps(CLAIMS))
    expected = explain(json.dumps(CLAIMS))
    assert explain("claims.json") == expected
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(CLAIMS) + "\n"))
    assert explain("-") == expected
    token = _token(tmp_path)
    code, out, err = explain(token)
    assert (code, err, out.splitlines()[:2]) == (
        0,
        "",
        ["not verified: nobody looked at signature, audience and lifetime (`--verify` does)", "user dev|alice"],
    )
    assert token not in out


def test_a_token_is_believed_only_when_asked_to_and_good(explain: Explain, tmp_path: Path) -> None:
    token = _token(tmp_path)
    code, out, _ = explain(token, "--verify")
    assert (code, out.splitlines()[0]) == (0, "verified: this is whom the gateway takes its holder for")
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-8]}AAAAAAAA"
    for bad, why in ((forged, "token_invalid"), (_token(tmp_path, ttl=-3600), "token_expired")):
        code, out, err = explain(bad, "--verify")
        assert (code, out) == (2, "")
        assert why in err
        assert bad not in err


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("opaque-" + "x" * 300, "an opaque token says nothing by itself"),
        ("a.b.c.d", "an opaque token says nothing by itself"),
        ("a.!.c", "the JWT's payload is not base64url"),
        ("{", "the claims are not JSON"),
        ('{"sub": "a", "sub": "b"}', "the claims are not JSON"),
        ("a.W10.c", "the claims are no JSON object"),
        ('{"iss": "https://nobody"}', "name its alias with `--issuer`"),
        ('{"iss": ["x"], "sub": "a"}', "name its alias with `--issuer`"),
        ('{"iss": "http://127.0.0.1/toolgate-dev-issuer"}', "no token without the claim `sub` is ever believed"),
    ],
)
def test_what_cannot_be_read_says_so_without_quoting_it(explain: Explain, source: str, why: str) -> None:
    code, out, err = explain(source)
    assert (code, out) == (2, "")
    assert why in err
    assert source not in err


def test_claims_alone_cannot_be_verified(explain: Explain) -> None:
    code, _, err = explain(json.dumps(CLAIMS), "--verify")
    assert code == 2
    assert "`--verify` needs the token" in err


def test_nothing_in_claims_acts_on_the_terminal(explain: Explain) -> None:
    _, out, _ = explain(json.dumps(CLAIMS | {"email": "a\x1b[2J\u202eb"}))
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_mapping_with_mistakes_is_told_with_its_lines(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "policies" / "identity.yaml").write_text("version: 1\ndefault: {id: {clam: sub}}\n")
    code, _, err = explain(json.dumps(CLAIMS))
    assert code == 2
    assert "identity.yaml:2:" in err


def test_without_a_mapping_the_built_in_one_is_shown(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "policies" / "identity.yaml").unlink()
    code, out, _ = explain(json.dumps(CLAIMS), "--issuer", "corp")
    assert (code, out.splitlines()[1]) == (0, "user corp|alice")
