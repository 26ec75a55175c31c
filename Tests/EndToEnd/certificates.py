"""Certificates for tests: an authority of the test's own, and what it signs."""

import datetime
import ipaddress
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from whole_files import write_whole

_DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority. `certificate` is the PEM file by which others trust what it signs."""

    def __init__(self, folder, name="Daybook test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._begin(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        self.certificate = self.folder / "ca.pem"
        write_whole(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))

    def issue_server(self, folder, name="server"):
        """The files of a certificate for this machine, and of its key; those that are there are replaced."""
        hosts = {"localhost", socket.gethostname()}
        names = [x509.DNSName(host) for host in sorted(hosts)]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        alternatives = x509.SubjectAlternativeName(names)
        return self._issue(folder, name, "localhost", ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def issue_client(self, folder, common_name, name="client"):
        """The files of a certificate for a client of a name, and of its key."""
        return self._issue(folder, name, common_name, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(self, folder, name, common_name, usage, *extensions):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        begun = self._begin(subject, key)
        for extension in extensions:
            begun = begun.add_extension(extension, critical=False)
        certificate = (
            begun.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        certificate_file, key_file = Path(folder) / f"{name}.pem", Path(folder) / f"{name}-key.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # The key first: whoever looks in between finds a pair that does not fit, and keeps the one before.
        write_whole(key_file, private)
        write_whole(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate_file, key_file

    def _begin(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
