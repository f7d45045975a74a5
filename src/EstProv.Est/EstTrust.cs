using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>What an EST server is verified against (RFC 7030 sections 3.3.1 and 3.6).</summary>
public sealed record EstTrust
{
    /// <summary>
    /// The explicit trust anchors. A certificate that is not self-signed is an anchor too (RFC 5280 section 6.1.1 d): a path may end
    /// at it.
    /// </summary>
    public required X509Certificate2Collection Anchors { get; init; }

    /// <summary>The implicit anchors: the system's store is trusted too. Tried after the explicit ones and kept apart from them.</summary>
    public bool System { get; init; }

    /// <summary>
    /// A server under an explicit anchor whose certificate has the extended key usage id-kp-cmcRA is accepted under another host name
    /// (RFC 7030 section 3.6.1). Never under an implicit anchor.
    /// </summary>
    public bool AllowCmcRa { get; init; }

    /// <summary>
    /// CA certificates that sign device CAs: a server's path must not run through a CA issued by one of them, else each device with a
    /// device CA could make itself an EST server's certificate.
    /// </summary>
    public X509Certificate2Collection DeviceCaIssuers { get; init; } = [];

    /// <summary>Whether a certificate, found anywhere in a server's path, is distrusted: then that server is refused, whatever anchor it leads to. Null for none.</summary>
    public Func<X509Certificate2, bool>? IsDistrusted { get; init; }
}
