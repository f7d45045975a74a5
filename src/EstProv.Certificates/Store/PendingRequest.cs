using System.Globalization;
using System.Security.Cryptography;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Store;

/// <summary>
/// A request that the EST server answered with 202 (RFC 7030 section 4.2.3): the same CSR is sent again when the time has come, also
/// after a restart, since the server knows the request by its bytes.
/// </summary>
internal sealed record PendingRequest
{
    public required string Id { get; init; }

    public required string KeyId { get; init; }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, base64url without padding.</summary>
    public required string Spki { get; init; }

    public required string Url { get; init; }

    public required bool Reenroll { get; init; }

    /// <summary>What authenticated it; the repetition uses the same.</summary>
    public required string Credential { get; init; }

    public string? RequestedName { get; init; }

    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>When this request was sent first.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>What the server last asked for in Retry-After, counted from <see cref="AskedAt"/>.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary>PKCS#10, DER.</summary>
    public required byte[] Csr { get; init; }

    public byte[] ToFile() => HeaderedPem.Write(
        [
            new("Id", Id), new("Key-Id", KeyId), new("Spki", Spki), new("Url", Url), new("Reenroll", Reenroll ? "yes" : "no"),
            new("Credential", Credential), new("Requested-Name", RequestedName), new("Asked-At", Utc.Format(AskedAt)), new("Since", Utc.Format(Since)),
            new("Retry-After", ((long)RetryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture)),
        ],
        PemEncoding.WriteString("CERTIFICATE REQUEST", Csr));

    /// <exception cref="ProblemException"><c>store_damaged</c>.</exception>
    public static PendingRequest FromFile(string path, string text)
    {
        var (headers, pem) = HeaderedPem.Read(path, text);
        string Need(string name) => headers.TryGetValue(name, out var value) ? value : throw HeaderedPem.Damaged(path);

        if (!PemEncoding.TryFind(pem, out var fields) || !long.TryParse(Need("Retry-After"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            throw HeaderedPem.Damaged(path);

        var askedAt = Utc.Parse(Need("Asked-At")) ?? throw HeaderedPem.Damaged(path);
        return new PendingRequest
        {
            Id = Need("Id"),
            KeyId = Need("Key-Id"),
            Spki = Need("Spki"),
            Url = Need("Url"),
            Reenroll = Need("Reenroll") == "yes",
            Credential = Need("Credential"),
            RequestedName = headers.GetValueOrDefault("Requested-Name"),
            AskedAt = askedAt,
            Since = Utc.Parse(headers.GetValueOrDefault("Since")) ?? askedAt,
            RetryAfter = TimeSpan.FromSeconds(Math.Min(seconds, (long)TimeSpan.FromDays(365).TotalSeconds)),
            Csr = Convert.FromBase64String(pem[fields.Base64Data]),
        };
    }
}
