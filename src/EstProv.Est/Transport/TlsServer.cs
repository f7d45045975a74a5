using System.Net.Security;
using EstProv.Platform.Network;
using EstProv.Platform.Time;

namespace EstProv.Est.Transport;

/// <summary>An HTTPS server to be verified, what is shown to it, and how messages speak of it.</summary>
public sealed record TlsServer
{
    /// <summary>Its host name is the one that the certificate must be for.</summary>
    public required Uri Url { get; init; }

    public required EstTrust Trust { get; init; }

    /// <summary>Judges the server's certificate, and is told the time by a server that was verified.</summary>
    public required BelievedClock Clock { get; init; }

    /// <summary>The client certificate with its intermediates; null for none.</summary>
    public SslStreamCertificateContext? ClientCertificate { get; init; }

    /// <summary>How long one exchange may take.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Through which proxy it is reached; null for none.</summary>
    public ProxyChoice? Proxies { get; init; }

    /// <summary>How messages call what is shown to the server.</summary>
    public required string Credential { get; init; }

    /// <summary>What it is, with its article.</summary>
    public string Kind { get; init; } = "an EST server";

    /// <summary>What the problems' codes begin with: <c>est</c> gives <c>est_unreachable</c>, <c>est_tls_name</c> …</summary>
    public string Codes { get; init; } = "est";

    /// <summary>Any server is taken: to ask for CA certificates that are then judged by a fingerprint (RFC 7030 section 4.1.1), and for nothing else.</summary>
    internal bool Unverified { get; init; }
}
