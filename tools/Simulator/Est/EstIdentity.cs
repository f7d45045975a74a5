using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Est;

/// <summary>Who has authenticated at the EST server.</summary>
internal sealed record EstIdentity
{
    /// <summary>For the log and the record: <c>certificate CN=…</c> or <c>basic NAME</c>, <c>digest NAME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Shown and verified client certificate; null = Basic alone.</summary>
    public X509Certificate2? Certificate { get; init; }

    public required EstIdentityKind Kind { get; init; }
}

internal enum EstIdentityKind
{
    /// <summary>A certificate of the operator's bootstrap CA.</summary>
    Bootstrap,

    /// <summary>A certificate issued by a label that admits bootstrap, or Basic's user.</summary>
    Full,

    /// <summary>A certificate of ours for something else: it may only renew itself.</summary>
    Other,
}
