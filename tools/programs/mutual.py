"""TLS over a pair of sockets, each end with the same certificate and key file: prints who the client was seen to be."""
import socket
import ssl
import sys
import threading

certificate, key, authority = sys.argv[1:4]


def context(purpose, version):
    made = ssl.SSLContext(purpose)
    made.minimum_version = made.maximum_version = version
    made.load_cert_chain(certificate, key)
    made.load_verify_locations(authority)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def serve(end, version, seen):
    with context(ssl.PROTOCOL_TLS_SERVER, version).wrap_socket(end, server_side=True) as tls:
        seen.append(dict(pair for name in tls.getpeercert()["subject"] for pair in name)["commonName"])
        tls.sendall(tls.recv(16))


protocols = []
seen = []
for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
    left, right = socket.socketpair()
    server = threading.Thread(target=serve, args=(right, version, seen), daemon=True)
    server.start()
    with context(ssl.PROTOCOL_TLS_CLIENT, version).wrap_socket(left, server_hostname="localhost") as tls:
        tls.sendall(b"hello")
        assert tls.recv(16) == b"hello"
        protocols.append(tls.version())
    server.join(10)
assert len(set(seen)) == 1 and len(seen) == 2, seen
print(f"CN={seen[0]} {' and '.join(protocols)}")
