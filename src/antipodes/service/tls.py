"""TLS over the runtime's streams: a receiver around another receiver, in either role.

The bytes of TLS are OpenSSL's business; it never touches a socket here. Who is inside sees a stream
like any other: it is told of the connection when the handshake is over, and of its end only if it
was told of its beginning. A handshake that does not come to an end is cut off.

TLS draws its secrets from the machine, not from the runtime, so the bytes of a simulated connection
are other ones in every run; their number is not.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from OpenSSL import SSL

from antipodes.runtime.contract import Accepted, PlainReceiver, Receiver, Runtime, Stream, Timer

HANDSHAKE_S_MAX = 10.0
_READ_BYTES = 1 << 16
_HTTP_1 = b"http/1.1"
_VERSIONS = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}


class Credential(NamedTuple):
    """A certificate and what proves that it is one's own, as PEM; the chain begins with it."""

    chain: str
    key: str


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that a certificate is for, in lower case."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return tuple(str(one.value).lower() for one in common)
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name is for a host; a star stands for one whole label (RFC 6125)."""
    if pattern.startswith("*."):
        label, dot, rest = name.partition(".")
        return bool(label and dot) and rest == pattern[2:]
    return pattern == name


class ServerTls:
    """The server's side: the certificate that fits the name asked for, or else the first."""

    def __init__(
        self,
        runtime: Runtime,
        credentials: Sequence[Credential],
        versions: tuple[str, ...] = ("TLSv1.2", "TLSv1.3"),
    ) -> None:
        """`versions`: those that may be spoken; below TLSv1.2 there are none.

        Raises ValueError for a certificate or key that cannot be used.
        """
        self._runtime = runtime
        self._contexts = [_server_context(one, self._choose, versions) for one in credentials]
        self._names = [names_of(_certificates(one.chain)[0]) for one in credentials]

    def _choose(self, connection: SSL.Connection) -> None:
        asked = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        for context, names in zip(self._contexts, self._names, strict=True):
            if any(covers(name, asked) for name in names):
                connection.set_context(context)
                return

    def receiver(self, inner: Receiver) -> Receiver:
        """Put TLS around a server's receiver."""
        connection = SSL.Connection(self._contexts[0], None)
        connection.set_accept_state()
        return TlsEnd(self._runtime, connection, inner)


def is_usable(credential: Credential) -> bool:
    """Whether OpenSSL takes a certificate and its key: not, for one, where they are too weak."""
    try:
        _server_context(credential, lambda _: None, tuple(_VERSIONS))
    except ValueError:
        return False
    return True


def client_receiver(runtime: Runtime, inner: Receiver, server_name: str) -> Receiver:
    """Put TLS around a client's receiver; nobody's certificate is verified."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_alpn_protos([_HTTP_1])
    connection = SSL.Connection(context, None)
    if server_name:
        connection.set_tlsext_host_name(server_name.encode("idna"))
    connection.set_connect_state()
    return TlsEnd(runtime, connection, inner, tells_failure=True)


def _certificates(chain: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(chain.encode())


def _server_context(
    credential: Credential, choose: Callable[[SSL.Connection], None], versions: tuple[str, ...]
) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    spoken = [_VERSIONS[version] for version in versions if version in _VERSIONS]
    context.set_min_proto_version(min(spoken))
    context.set_max_proto_version(max(spoken))
    first, *others = _certificates(credential.chain)
    try:
        key = serialization.load_pem_private_key(credential.key.encode(), password=None)
        assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey), "others are not kept"
        context.use_certificate(first)
        for other in others:
            context.add_extra_chain_cert(other)
        context.use_privatekey(key)
        context.check_privatekey()
    except SSL.Error as error:
        raise ValueError(f"not a certificate and its key: {error}") from None
    context.set_tlsext_servername_callback(choose)
    context.set_alpn_select_callback(
        lambda _, offered: _HTTP_1 if _HTTP_1 in offered else SSL.NO_OVERLAPPING_PROTOCOLS
    )
    return context


class TlsEnd(PlainReceiver):
    """One end of a connection: TLS outside, plain bytes inside."""

    def __init__(
        self,
        runtime: Runtime,
        connection: SSL.Connection,
        inner: Receiver,
        *,
        tells_failure: bool = False,
    ) -> None:
        """`tells_failure`: the inner receiver is told of an end before there was a beginning."""
        self._runtime = runtime
        self._tls = connection
        self._inner = inner
        self._tells_failure = tells_failure
        self._stream: Stream
        self._timer: Timer
        self._established = False
        self._over = False  # the other end has said its last, or there is nothing more to say

    def connection_made(self, stream: Stream) -> None:
        self._stream = stream
        patience_s = self._runtime.deadline(HANDSHAKE_S_MAX)
        self._timer = self._runtime.later(patience_s, stream.abort)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        if not self._over:
            self._tls.bio_write(data)
            self._go_on()

    def _go_on(self) -> None:
        """Take what has come as far as it goes, and send what that made."""
        try:
            if not self._established:
                self._tls.do_handshake()
                self._established = True
                self._timer.cancel()
                self._flush()
                self._inner.connection_made(_PlainStream(self))
            while not self._over:
                self._inner.data_received(self._tls.recv(_READ_BYTES))
        except SSL.WantReadError:
            self._flush()
        except SSL.ZeroReturnError:
            self._over = True
            self._flush()
            if not self._inner.eof_received():
                self.close()
        except SSL.Error:
            self._over = True
            self._flush()  # the alert
            self._stream.abort()

    def _flush(self) -> None:
        while not self._stream.is_closing():
            try:
                self._stream.write(self._tls.bio_read(_READ_BYTES))
            except SSL.WantReadError:
                return

    @property
    def stream(self) -> Stream:
        """The stream outside."""
        return self._stream

    def write(self, data: bytes) -> None:
        """Send plain bytes."""
        if not self._stream.is_closing():
            for start in range(0, len(data), _READ_BYTES):
                self._tls.sendall(data[start : start + _READ_BYTES])
                self._flush()

    def close(self) -> None:
        """Say that there is nothing more, and end it."""
        if not self._stream.is_closing():
            self._over = True
            with contextlib.suppress(
                SSL.Error
            ):  # before the handshake is over there is no such word
                self._tls.shutdown()
            self._flush()
            self._stream.close()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._established and not self._over else None

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._over = True
        if self._established or self._tells_failure:
            self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        if self._established:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._established:
            self._inner.resume_writing()


class _PlainStream:
    """What the inner receiver writes to."""

    def __init__(self, end: TlsEnd) -> None:
        self._end = end

    @property
    def accepted(self) -> Accepted:
        return self._end.stream.accepted

    def write(self, data: bytes) -> None:
        self._end.write(data)

    def close(self) -> None:
        self._end.close()

    def abort(self) -> None:
        self._end.stream.abort()

    def is_closing(self) -> bool:
        return self._end.stream.is_closing()

    def pause_reading(self) -> None:
        self._end.stream.pause_reading()

    def resume_reading(self) -> None:
        self._end.stream.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._end.stream.get_write_buffer_size()
