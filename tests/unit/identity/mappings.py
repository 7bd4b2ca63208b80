"""Mappings of a text and claims to try them with."""

from textwrap import dedent
from typing import Any

import pytest

from pdp.core.contract.errors import ConfigurationError, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.mapping_file import read_mapping
from pdp.core.identity.principal import Principal


def mapping(text: str) -> IdentityMapping:
    """The mapping that `text` writes after its version, as it comes out of the wire."""
    read = read_mapping(b"version: 1\n" + dedent(text).encode(), file="identity.yaml")
    assert IdentityMapping.from_json(read.to_json()) == read
    return read


def problems(text: str) -> list[str]:
    """`line: message` of all that is wrong with `text`, which is dedented; its first line is line 1."""
    with pytest.raises(ConfigurationError) as refused:
        read_mapping(dedent(text).lstrip("\n").encode(), file="identity.yaml")
    assert {problem.file for problem in refused.value.problems} == {"identity.yaml"}
    return [f"{problem.line}: {problem.message}" for problem in refused.value.problems]


def verified(claims: dict[str, Any], *, alias: str = "corp", issuer: str = "https://idp.example") -> VerifiedClaims:
    return VerifiedClaims(alias, issuer, claims.get("sub", "alice"), 0.0, claims)


def mapped(by: IdentityMapping, /, **claims: Any) -> Principal:
    return principal_of(verified(claims), mapping=by)


def unmapped(by: IdentityMapping, /, **claims: Any) -> str:
    """Why `claims` make no principal, for the log."""
    with pytest.raises(TokenError) as refused:
        mapped(by, **claims)
    assert refused.value.code is ReasonCode.IDENTITY_UNMAPPED
    return refused.value.detail
