"""The metadata of our own authorization server (RFC 8414): what clients find under the issuer's URL."""

from typing import Any, Final
from urllib.parse import urlsplit

from pdp.core.contract.exact_json import canonical

WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
AUTHORIZATION_PATH: Final = "/oauth/authorize"
KEYS_PATH: Final = "/oauth/jwks"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG_PROFILE: Final = "urn:ietf:params:oauth:grant-profile:id-jag"


def metadata_path(issuer: str) -> str:
    """Where the metadata of `issuer` is: the well-known path comes before the issuer's own (section 3.1)."""
    return WELL_KNOWN + urlsplit(issuer).path.rstrip("/")


def metadata(issuer: str) -> bytes:
    """The document; no page asks for a person's authorization, so there is no response type.

    Clients exist that refuse a document without `authorization_endpoint`, so it is there and answers nobody.
    """
    parts = urlsplit(issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    document: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": origin + AUTHORIZATION_PATH,
        "token_endpoint": origin + TOKEN_PATH,
        "jwks_uri": origin + KEYS_PATH,
        "grant_types_supported": [JWT_BEARER],
        "authorization_grant_profiles_supported": [ID_JAG_PROFILE],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    return canonical(document)
