"""Arguments marked `host`: a name or an address in the one form that is decided on and forwarded.

Names are in lower case and ASCII (IDNA 2008 after the mapping of UTS 46), IPv4 addresses in four decimal
parts, IPv6 addresses as RFC 5952 writes them. A host has no port and no user.
"""

import ipaddress
import re
import unicodedata
from typing import Final

import idna

from pdp.core.catalog.forms.form import FormError, check_length

_MAX_GIVEN: Final = 1024
_MAX_NAME: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_JOINERS: Final = "\u200c\u200d"
"""IDNA says where these two may stand."""
_IPV4_WITHIN: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))
)
"""IPv6 addresses that lead to an IPv4 address: RFC 4291 (2.5.5), RFC 7915, RFC 6052, RFC 8215."""


def normalise_host(text: str) -> str:
    """`text` as a name in lower case and ASCII without a last dot, or an address; IPv6 without brackets.

    Raises:
        FormError: it is neither, or another reader could take it for another host: an address in
            octal, hexadecimal or less than four parts, an IPv4 address within an IPv6 one, a zone,
            a percent-encoding, an underscore, an invisible character.

    """
    check_length(text, what="host", most=_MAX_GIVEN)
    if text.startswith("[") and text.endswith("]"):
        return _ipv6(text[1:-1])
    if ":" in text:
        return _ipv6(text)
    labels = _mapped(text).removesuffix(".").split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(".".join(labels))
    name = ".".join(_label(label) for label in labels)
    if len(name) > _MAX_NAME:
        raise FormError(f"a host's name has at most {_MAX_NAME} characters")
    return name


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise FormError("the host is no IPv6 address; a port is no part of a host") from None
    if address.scope_id is not None:
        raise FormError("the host has a zone")
    of_its_own = address.is_unspecified or address.is_loopback
    if not of_its_own and any(address in network for network in _IPV4_WITHIN):
        raise FormError("the host is an IPv4 address within an IPv6 address")
    return str(address)


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise FormError("the host ends in a number and is not four decimal numbers from 0 to 255") from None


def _mapped(text: str) -> str:
    if text.isascii():
        return text.lower()
    if any(unicodedata.category(character) == "Cf" and character not in _JOINERS for character in text):
        raise FormError("the host has an invisible character")
    try:
        return idna.uts46_remap(text, std3_rules=True, transitional=False)
    except idna.IDNAError:
        raise FormError("the host has a character that no name has") from None


def _label(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        if not _LABEL.fullmatch(label):
            raise FormError("a part of the host's name is empty, too long or has what names do not have")
        return label
    try:
        encoded = idna.alabel(label).decode("ascii")
        again = idna.alabel(idna.ulabel(encoded)).decode("ascii")
    except UnicodeError:
        raise FormError("a part of the host's name is none that IDNA 2008 knows") from None
    if encoded != again:
        raise FormError("a part of the host's name is encoded otherwise than IDNA 2008 does")
    return encoded
