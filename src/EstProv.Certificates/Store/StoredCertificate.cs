using System.Buffers.Text;
using System.Globalization;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Store;

/// <summary>How a certificate came into the store.</summary>
internal enum StoredKind
{
    /// <summary>With a key of ours in keyd; renewed by us.</summary>
    Credential,

    /// <summary>Issued on a caller's CSR; its key is the caller's.</summary>
    Issued,

    /// <summary>Brought by <c>PUT</c>.</summary>
    Imported,

    /// <summary>An operator's file of <c>[preloaded_certs]</c>; the store keeps only what is known of it.</summary>
    Operator,
}

/// <summary>
/// One certificate, its chain and what is known of it: one file. All that listing and renewal need stands in its header, so that nothing parses X.509
/// to know when to renew.
/// </summary>
internal sealed record StoredCertificate
{
    public required string Id { get; init; }

    public required StoredKind Kind { get; init; }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo, base64url without padding.</summary>
    public required string Spki { get; init; }

    public required string Subject { get; init; }

    public required string Issuer { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>Such as <c>EC P-256</c>, <c>RSA 2048</c>.</summary>
    public required string KeyAlgorithm { get; init; }

    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>Random in [0, 1): where in the renewal window this certificate's turn is. Kept, so that it is the same after a restart.</summary>
    public required double Spread { get; init; }

    /// <summary>The id of its key in keyd; null for <see cref="StoredKind.Issued"/> and <see cref="StoredKind.Imported"/>.</summary>
    public string? KeyId { get; init; }

    /// <summary>The EST server's URL, or <c>local:device-ca</c>.</summary>
    public string? Url { get; init; }

    /// <summary>What authenticated the request: <c>bootstrap</c>, <c>est-id</c>, <c>basic</c>, <c>device-ca</c>.</summary>
    public string? Credential { get; init; }

    /// <summary>The common name that was asked for; the issuer may have chosen another.</summary>
    public string? RequestedName { get; init; }

    /// <summary>SHA-256 of the caller's CertificationRequestInfo (RFC 2986 section 4.1), base64url, for <see cref="StoredKind.Issued"/>.</summary>
    public string? Request { get; init; }

    /// <summary>Hash of the operator's file that this certificate came after; while that file stays so, this certificate is the newer one.</summary>
    public string? OperatorFile { get; init; }

    /// <summary>The caller who asked for it proves it.</summary>
    public bool ProvedByCaller { get; init; }

    /// <summary>Of what a CA of ours has minted: SHA-256 of that CA's SubjectPublicKeyInfo, base64url; another one in use means that it is to be minted again.</summary>
    public string? IssuerSpki { get; init; }

    /// <summary>Its CA was distrusted when it was issued, and it was taken since there was no other: it is not replaced before its time.</summary>
    public bool TakenAllTheSame { get; init; }

    /// <summary>Leaf first; empty for <see cref="StoredKind.Operator"/>, whose file is read on use.</summary>
    public required string Pem { get; init; }

    public byte[] SpkiHash => Base64Url.DecodeFromChars(Spki);

    public byte[] ToFile() => HeaderedPem.Write(
        [
            new("Id", Id), new("Kind", Kind.ToString()), new("Key-Id", KeyId), new("Spki", Spki), new("Subject", Subject), new("Issuer", Issuer),
            new("Not-Before", Utc.Format(NotBefore)), new("Not-After", Utc.Format(NotAfter)), new("Key-Algorithm", KeyAlgorithm),
            new("Issued-At", Utc.Format(IssuedAt)), new("Spread", Spread.ToString("R", CultureInfo.InvariantCulture)), new("Url", Url),
            new("Credential", Credential), new("Requested-Name", RequestedName), new("Request", Request), new("Operator-File", OperatorFile),
            new("Proved-By", ProvedByCaller ? "caller" : null), new("Issuer-Spki", IssuerSpki), new("Taken-All-The-Same", TakenAllTheSame ? "yes" : null),
        ],
        Pem);

    /// <exception cref="ProblemException"><c>store_damaged</c>.</exception>
    public static StoredCertificate FromFile(string path, string text)
    {
        var (headers, pem) = HeaderedPem.Read(path, text);
        string Need(string name) => headers.TryGetValue(name, out var value) ? value : throw HeaderedPem.Damaged(path);
        DateTimeOffset Time(string name) => Utc.Parse(Need(name)) ?? throw HeaderedPem.Damaged(path);

        if (!Enum.TryParse<StoredKind>(Need("Kind"), out var kind)
            || !double.TryParse(Need("Spread"), NumberStyles.Float, CultureInfo.InvariantCulture, out var spread)
            || !Base64Url.IsValid(Need("Spki"))
            || (pem.Length == 0) != (kind == StoredKind.Operator))
            throw HeaderedPem.Damaged(path);

        return new StoredCertificate
        {
            Id = Need("Id"),
            Kind = kind,
            Spki = Need("Spki"),
            Subject = Need("Subject"),
            Issuer = Need("Issuer"),
            NotBefore = Time("Not-Before"),
            NotAfter = Time("Not-After"),
            KeyAlgorithm = Need("Key-Algorithm"),
            IssuedAt = Time("Issued-At"),
            Spread = Math.Clamp(spread, 0, 1),
            KeyId = headers.GetValueOrDefault("Key-Id"),
            Url = headers.GetValueOrDefault("Url"),
            Credential = headers.GetValueOrDefault("Credential"),
            RequestedName = headers.GetValueOrDefault("Requested-Name"),
            Request = headers.GetValueOrDefault("Request"),
            OperatorFile = headers.GetValueOrDefault("Operator-File"),
            ProvedByCaller = headers.GetValueOrDefault("Proved-By") == "caller",
            IssuerSpki = headers.GetValueOrDefault("Issuer-Spki"),
            TakenAllTheSame = headers.GetValueOrDefault("Taken-All-The-Same") == "yes",
            Pem = pem,
        };
    }
}
