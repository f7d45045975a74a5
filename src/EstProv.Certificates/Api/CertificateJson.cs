using System.Text.Json;
using EstProv.LocalApi;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Api;

/// <summary><c>POST /certificates</c>.</summary>
internal sealed class IssueBody
{
    public required string CertId { get; init; }

    /// <summary>PKCS#10, PEM.</summary>
    public required string Csr { get; init; }

    public IssuerBody? Issuer { get; init; }
}

internal sealed class IssuerBody
{
    public required string CertId { get; init; }

    /// <summary>Of clients that speak the older daemons' contract. Not used: certd signs with the key that belongs to the issuer's certificate, and with no other.</summary>
    public string? PrivateKeyHandle { get; init; }
}

/// <summary><c>POST /credentials/{id}/ensure</c>.</summary>
internal sealed class EnsureBody
{
    public required string KeyId { get; init; }

    public string? CommonName { get; init; }

    public double WaitSeconds { get; init; }
}

internal sealed class EnsureReply
{
    /// <summary><c>pending</c>, <c>staged</c> or <c>current</c>.</summary>
    public required string State { get; init; }

    public string? Chain { get; init; }

    public string? KeyHandle { get; init; }

    public ProblemBody? Problem { get; init; }
}

internal sealed class ProblemBody
{
    public required string Message { get; init; }

    public required string Hint { get; init; }

    public required string Code { get; init; }
}

/// <summary><c>POST /credentials/{id}/refuse</c>.</summary>
internal sealed class RefuseBody
{
    public required string Spki { get; init; }

    public required string Reason { get; init; }
}

/// <summary><c>GET /credentials</c>. Times are ISO 8601 in UTC.</summary>
internal sealed class CredentialList
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

/// <summary><c>POST /credentials/{id}/renew</c>.</summary>
internal sealed class RenewBody
{
    /// <summary>Waiting times of failed attempts are not waited for.</summary>
    public required bool Now { get; init; }

    public required double WaitSeconds { get; init; }
}

/// <summary><c>POST /distrusted</c>.</summary>
internal sealed class DistrustBody
{
    /// <summary>As <see cref="Configuration.Certd.IssuerName"/> reads it.</summary>
    public required string Issuer { get; init; }

    /// <summary>It is trusted again.</summary>
    public required bool Undo { get; init; }

    /// <summary>Null for <c>distrust_spread</c>.</summary>
    public double? OverSeconds { get; init; }

    public required bool Force { get; init; }
}

/// <summary>These bodies as JSON.</summary>
internal static class CertificateJson
{
    public static IssueBody Issue(JsonElement json) => new()
    {
        CertId = json.Text("certId"),
        Csr = json.Text("csr"),
        Issuer = json.OptionalObject("issuer") is { } issuer ? new IssuerBody { CertId = issuer.Text("certId"), PrivateKeyHandle = issuer.OptionalText("privateKeyHandle") } : null,
    };

    public static string Pem(JsonElement json) => json.Text("pem");

    public static EnsureBody Ensure(JsonElement json) => new()
    {
        KeyId = json.Text("keyId"),
        CommonName = json.OptionalText("commonName"),
        WaitSeconds = json.Number("waitSeconds"),
    };

    public static RenewBody Renew(JsonElement json) => new() { WaitSeconds = json.Number("waitSeconds"), Now = Flag(json, "now") };

    public static DistrustBody Distrust(JsonElement json) => new()
    {
        Issuer = json.Text("issuer"),
        Undo = Flag(json, "undo"),
        OverSeconds = json.TryGetProperty("overSeconds"u8, out _) ? json.Number("overSeconds") : null,
        Force = Flag(json, "force"),
    };

    public static void Write(Utf8JsonWriter json, Engine.DistrustAnswer answer)
    {
        json.WriteStartObject();
        json.WriteStartArray("distrusted"u8);
        foreach (var entry in answer.Entries)
        {
            json.WriteStartObject();
            json.WriteString("issuer"u8, entry.Name.ToString());
            json.WriteString("since"u8, Utc.Format(entry.Since));
            json.WriteNumber("overSeconds"u8, entry.Over.TotalSeconds);
            json.WriteString("by"u8, entry.Configured ? "configuration"u8 : "command"u8);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("certificates"u8);
        foreach (var certificate in answer.Certificates)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, certificate.Id);
            json.WriteString("issuer"u8, certificate.Issuer);
            json.WriteOptional("from", certificate.From is { } from ? Utc.Format(from) : null);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("unknown"u8);
        foreach (var url in answer.Unknown) json.WriteStringValue(url);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static bool Flag(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw new JsonException(),
    };

    public static string Spki(JsonElement json) => json.Text("spki");

    public static RefuseBody Refuse(JsonElement json) => new() { Spki = json.Text("spki"), Reason = json.Text("reason") };

    public static EnsureReply Ensured(JsonElement json) => new()
    {
        State = json.Text("state"),
        Chain = json.OptionalText("chain"),
        KeyHandle = json.OptionalText("keyHandle"),
        Problem = json.OptionalObject("problem") is { } problem
            ? new ProblemBody { Message = problem.Text("message"), Hint = problem.Text("hint"), Code = problem.Text("code") }
            : null,
    };

    public static void WritePem(Utf8JsonWriter json, string pem)
    {
        json.WriteStartObject();
        json.WriteString("pem"u8, pem);
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, EnsureReply reply)
    {
        json.WriteStartObject();
        json.WriteString("state"u8, reply.State);
        json.WriteOptional("chain", reply.Chain);
        json.WriteOptional("keyHandle", reply.KeyHandle);
        WriteProblem(json, reply.Problem);
        json.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter json, CredentialList list)
    {
        json.WriteStartObject();
        json.WriteStartArray("credentials"u8);
        foreach (var entry in list.Credentials) Write(json, entry);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, CredentialEntry entry)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, entry.Id);
        json.WriteString("state"u8, entry.State);
        json.WriteOptional("keyId", entry.KeyId);
        json.WriteOptional("subject", entry.Subject);
        json.WriteOptional("issuer", entry.Issuer);
        json.WriteOptional("notBefore", entry.NotBefore);
        json.WriteOptional("notAfter", entry.NotAfter);
        json.WriteOptional("keyAlgorithm", entry.KeyAlgorithm);
        json.WriteOptional("url", entry.Url);
        json.WriteOptional("credential", entry.Credential);
        json.WriteOptional("lastAttempt", entry.LastAttempt);
        WriteProblem(json, entry.Problem);
        json.WriteOptional("nextRenewal", entry.NextRenewal);
        if (entry.RetrySeconds is { } seconds) json.WriteNumber("retrySeconds"u8, seconds);
        json.WriteEndObject();
    }

    private static void WriteProblem(Utf8JsonWriter json, ProblemBody? problem)
    {
        if (problem is not null) json.WriteProblem(problem.Message, problem.Hint, problem.Code);
    }
}
