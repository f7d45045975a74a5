using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Identity.Dps;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Provisioning;

/// <summary>A certificate of the device with its chain and the handle of its key.</summary>
internal sealed class DeviceCredential : ShownCredential
{
    private DeviceCredential(string certificateId, X509Certificate2Collection chain, string keyHandle)
    {
        CertificateId = certificateId;
        Chain = chain;
        KeyHandle = keyHandle;
        SpkiHash = HashOf(Leaf);
    }

    public string CertificateId { get; }

    public override string Id => CertificateId;

    /// <summary>Leaf first.</summary>
    public X509Certificate2Collection Chain { get; }

    public X509Certificate2 Leaf => Chain[0];

    public string KeyHandle { get; }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo.</summary>
    public byte[] SpkiHash { get; }

    public string Spki => Base64Url.EncodeToString(SpkiHash);

    /// <summary>The leaf's DER in base64, comparable to <see cref="LeafOf"/>.</summary>
    public string Text => Convert.ToBase64String(Leaf.RawDataMemory.Span);

    public override string Description => $"certificate {CertificateId} (subject {Leaf.Subject}, issuer {Leaf.Issuer})";

    public override OpenedIdentity Open(IdentityOpener open, BelievedClock clock)
    {
        clock.Raise(new DateTimeOffset(Leaf.NotBefore));
        return open(this);
    }

    /// <exception cref="ProblemException"><c>certificate_invalid</c>.</exception>
    public static DeviceCredential Read(string certificateId, string chainPem, string keyHandle)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(chainPem);
            if (chain.Count > 0) return new DeviceCredential(certificateId, chain, keyHandle);
        }
        catch (CryptographicException cause)
        {
            throw Invalid(certificateId, cause);
        }

        throw Invalid(certificateId, null);
    }

    /// <summary>
    /// Of a chain that is at hand, with the key that <paramref name="findKey"/> knows for the SHA-256 of its public key; null without such
    /// a key.
    /// </summary>
    public static DeviceCredential? Find(string certificateId, X509Certificate2Collection chain, Func<byte[], string?> findKey)
        => chain.Count > 0 && findKey(HashOf(chain[0])) is { } handle ? new DeviceCredential(certificateId, chain, handle) : null;

    /// <summary>The first certificate's base64, taken out of the PEM text without a look into it (RFC 7468).</summary>
    public static string LeafOf(ReadOnlySpan<char> chainPem)
    {
        if (!PemEncoding.TryFind(chainPem, out var fields)) return "";
        var text = chainPem[fields.Base64Data];
        var clean = new char[text.Length];
        var length = 0;
        foreach (var c in text)
        {
            if (!char.IsWhiteSpace(c)) clean[length++] = c;
        }

        return new string(clean, 0, length);
    }

    /// <summary>The registration id where none is configured.</summary>
    /// <exception cref="ProblemException"><c>no_registration_id</c>.</exception>
    public string CommonName()
    {
        var name = "";
        foreach (var part in Leaf.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (!part.HasMultipleElements && part.GetSingleElementType().Value == "2.5.4.3"
                && part.GetSingleElementValue() is { Length: > 0 } value) name = value;
        }

        return name.Length > 0 ? name : throw new ProblemException("no_registration_id",
            $"{Description} has no common name, and no registration_id is configured",
                "set registration_id in [provisioning.attestation] of identityd.toml", 503);
    }

    public override void Dispose()
    {
        foreach (var certificate in Chain) certificate.Dispose();
    }

    private static byte[] HashOf(X509Certificate2 certificate) => SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    private static ProblemException Invalid(string certificateId, Exception? cause)
        => new("certificate_invalid", $"what the Certificates Service gave as {certificateId} is no certificate",
            $"see 'estprov cert show {certificateId} --pem'; 'estprov renew {certificateId}' gets another one", 503, cause);
}
