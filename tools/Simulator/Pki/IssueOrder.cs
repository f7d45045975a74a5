using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Est;

namespace EstProv.Simulator.Pki;

/// <summary>One certificate to be issued; the optional members override what the request and the profile say, for faults.</summary>
public sealed record IssueOrder
{
    public required SigningRequest Request { get; init; }

    public required Authority Issuer { get; init; }

    public required EstProfile Profile { get; init; }

    public required TimeSpan Validity { get; init; }

    public required string Label { get; init; }

    public required string Operation { get; init; }

    public bool EstIdentity { get; init; }

    public string? By { get; init; }

    public byte[]? AlternativeNames { get; init; }

    public X500DistinguishedName? Subject { get; init; }

    public PublicKey? Key { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? NotAfter { get; init; }

    public string? Fault { get; init; }
}
