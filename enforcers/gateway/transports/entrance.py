"""From where requests come, and from where they are accepted, before anybody is identified."""

from dataclasses import dataclass

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.client_certificate import CertificateHeader
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import AddressSource, GatewaySettings
from pdp.hosting.client_address import ClientAddresses
from pdp.hosting.networks import Address, Networks


@dataclass(frozen=True, slots=True)
class Entrance:
    """`allowed` is None where requests are accepted from anywhere."""

    addresses: ClientAddresses
    allowed: Networks | None = None
    certificates: CertificateHeader | None = None

    @staticmethod
    def of(gateway: GatewaySettings) -> "Entrance":
        """The entrance of a gateway's settings."""
        proxies, certificate = Networks.of(gateway.trusted_proxies), gateway.client_certificate
        return Entrance(
            ClientAddresses(gateway.client_address, proxies),
            None if gateway.ip_allow is None else Networks.of(gateway.ip_allow),
            None if certificate is None else CertificateHeader(certificate.header, certificate.form, proxies),
        )

    def address(self, headers: Headers, *, peer: str | None) -> Address:
        """The client's address; `peer` is the connection's.

        Raises:
            Refused: `address_refused`: whoever would have to say it does not.

        """
        header = self.addresses.header
        return self.addresses.of(peer, said=[] if header is None else headers.all(header))

    def admit(self, address: Address) -> None:
        """Return when requests from `address` are accepted.

        Raises:
            Refused: `address_refused`.

        """
        if self.allowed is not None and address not in self.allowed:
            raise Refused(ReasonCode.ADDRESS_REFUSED, f"`{address}` is not on `gateway.ip_allow`")

    def certificate(self, headers: Headers, *, peer: str) -> str | None:
        """The thumbprint of the certificate that the client showed to a listed proxy, None where there is none.

        Raises:
            TokenError: `proof_invalid`: it cannot be read, or somebody who is not listed names one.

        """
        return None if self.certificates is None else self.certificates.thumbprint(headers, peer=peer)


def proxies_of_connections(gateway: GatewaySettings) -> Networks | None:
    """The proxies that begin every connection with a PROXY header, None where none is expected."""
    if gateway.client_address is not AddressSource.PROXY_PROTOCOL:
        return None
    return Networks.of(gateway.trusted_proxies)
