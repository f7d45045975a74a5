using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Tls;

/// <summary>The certificate that a client has shown in the TLS handshake, and the intermediates it sent along. Not yet verified.</summary>
public sealed record ClientIdentity(X509Certificate2 Leaf, X509Certificate2Collection Sent);
