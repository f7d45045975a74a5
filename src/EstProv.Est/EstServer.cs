using System.Net.Security;
using EstProv.Platform.Network;
using EstProv.Platform.Time;

namespace EstProv.Est;

/// <summary>One EST server (or one label of it) and what is shown to it.</summary>
public sealed record EstServer
{
    /// <summary>
    /// <c>https://host[:port]/.well-known/est</c> with an optional label behind it, without the operation's name (RFC 7030 section
    /// 3.2.2).
    /// </summary>
    public required Uri BaseUrl { get; init; }

    /// <summary>What the server is verified against.</summary>
    public required EstTrust Trust { get; init; }

    /// <summary>Judges the server's certificate, and is told the time by a server that was verified.</summary>
    public required BelievedClock Clock { get; init; }

    /// <summary>
    /// The TLS client certificate with its intermediates; null for none. A context, since bare client certificates are sent without
    /// their intermediates, and many servers then close the connection.
    /// </summary>
    public SslStreamCertificateContext? ClientCertificate { get; init; }

    /// <summary>User name for HTTP authentication; null for none. Sent once the server has been verified, and to no other server that this one sends us on to.</summary>
    public string? Username { get; init; }

    /// <summary>How user name and password are shown.</summary>
    public EstPasswordUse PasswordUse { get; init; }

    /// <summary>Read at each request, so that a changed password needs no restart. Never logged.</summary>
    public Func<string?>? Password { get; init; }

    /// <summary>Through which proxy the server is reached; null for none.</summary>
    public ProxyChoice? Proxies { get; init; }

    /// <summary>HTTP headers of the operator's that go with every request, once the server has been verified.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>How long one operation may take, from the connection to the last byte of the answer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How messages call the credential that is shown to the server, such as <c>bootstrap</c> or <c>est-id</c>.</summary>
    public string Credential { get; init; } = "";
}
