namespace EstProv.Simulator.Pki;

/// <summary>What is kept of each certificate that the EST server has issued.</summary>
public sealed record IssuedRecord
{
    /// <summary>Hex serial number.</summary>
    public required string Serial { get; init; }

    public required string Subject { get; init; }

    public required string Issuer { get; init; }

    /// <summary>EST label, or <c>bootstrap</c> for a certificate of the operator's CA.</summary>
    public required string Label { get; init; }

    public required string Profile { get; init; }

    /// <summary>An EST identity: it may enrol at every label.</summary>
    public required bool EstIdentity { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, base64url.</summary>
    public required string Spki { get; init; }

    /// <summary>Who had asked: subject of the client certificate, or the Basic user.</summary>
    public string? By { get; init; }

    /// <summary>The request's operation: simpleenroll, simplereenroll, or the command line's.</summary>
    public required string Operation { get; init; }

    /// <summary>Fault it was issued with; null = as it should be.</summary>
    public string? Fault { get; init; }

    public required string Pem { get; init; }
}
