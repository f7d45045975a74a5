using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Tls;

/// <summary>What a server's certificate chain must end in (RFC 7030 section 3.6).</summary>
public sealed record ServerTrust
{
    /// <summary>Explicit anchors. A certificate that is not self-signed is taken as an anchor too.</summary>
    public X509Certificate2Collection Anchors { get; init; } = [];

    /// <summary>Whether the system's store is trusted as well.</summary>
    public bool System { get; init; }

    /// <summary>RFC 7030 section 3.6.1: with an explicit anchor, a server with id-kp-cmcRA need not match the host name. Off unless set.</summary>
    public bool AllowCmcRa { get; init; }
}
