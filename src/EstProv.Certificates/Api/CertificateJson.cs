using System.Text.Json.Serialization;

namespace EstProv.Certificates.Api;

/// <summary><c>POST /certificates</c>.</summary>
internal sealed record IssueBody
{
    public required string CertId { get; init; }

    /// <summary>PKCS#10, PEM.</summary>
    public required string Csr { get; init; }

    public IssuerBody? Issuer { get; init; }
}

internal sealed record IssuerBody
{
    public required string CertId { get; init; }

    /// <summary>Of clients that speak the older daemons' contract. Not used: certd signs with the key that belongs to the issuer's certificate, and with no other.</summary>
    public string? PrivateKeyHandle { get; init; }
}

/// <summary>Certificates as PEM, leaf first.</summary>
internal sealed record PemBody
{
    public required string Pem { get; init; }
}

/// <summary><c>POST /credentials/{id}/ensure</c>.</summary>
internal sealed record EnsureBody
{
    public required string KeyId { get; init; }

    public string? CommonName { get; init; }

    public double WaitSeconds { get; init; }
}

internal sealed record EnsureReply
{
    /// <summary><c>pending</c>, <c>staged</c> or <c>current</c>.</summary>
    public required string State { get; init; }

    public string? Chain { get; init; }

    public string? KeyHandle { get; init; }

    public ProblemBody? Problem { get; init; }
}

internal sealed record ProblemBody
{
    public required string Message { get; init; }

    public required string Hint { get; init; }

    public required string Code { get; init; }
}

/// <summary><c>POST /credentials/{id}/confirm</c>.</summary>
internal sealed record ConfirmBody
{
    public required string Spki { get; init; }
}

/// <summary><c>POST /credentials/{id}/refuse</c>.</summary>
internal sealed record RefuseBody
{
    public required string Spki { get; init; }

    public required string Reason { get; init; }
}

/// <summary><c>GET /credentials</c>. Times are ISO 8601 in UTC.</summary>
internal sealed record CredentialList
{
    public required IReadOnlyList<CredentialEntry> Credentials { get; init; }
}

internal sealed record CredentialEntry
{
    public required string Id { get; init; }

    /// <summary><c>issuing</c>, <c>pending</c> (the server asked for patience), <c>staged</c>, <c>current</c>, <c>issued</c>, <c>imported</c> or <c>preloaded</c>.</summary>
    public required string State { get; init; }

    public string? KeyId { get; init; }

    public string? Subject { get; init; }

    public string? Issuer { get; init; }

    public string? NotBefore { get; init; }

    public string? NotAfter { get; init; }

    public string? KeyAlgorithm { get; init; }

    /// <summary>Where it came from, or where it is being asked for.</summary>
    public string? Url { get; init; }

    /// <summary>What was shown there.</summary>
    public string? Credential { get; init; }

    public string? LastAttempt { get; init; }

    public ProblemBody? Problem { get; init; }

    public string? NextRenewal { get; init; }

    /// <summary>Until the next attempt; only while one is waited for.</summary>
    public double? RetrySeconds { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IssueBody))]
[JsonSerializable(typeof(PemBody))]
[JsonSerializable(typeof(EnsureBody))]
[JsonSerializable(typeof(EnsureReply))]
[JsonSerializable(typeof(ConfirmBody))]
[JsonSerializable(typeof(RefuseBody))]
[JsonSerializable(typeof(CredentialList))]
internal sealed partial class CertificateJson : JsonSerializerContext;
