using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>What a certificate request asks for.</summary>
public sealed record CertificateRequestContent
{
    public required X500DistinguishedName Subject { get; init; }

    /// <summary>Asks for a CA certificate (basicConstraints, keyCertSign and cRLSign).</summary>
    public bool Ca { get; init; }

    /// <summary>With <see cref="Ca"/>: how many CAs may follow below; null for no limit.</summary>
    public int? PathLength { get; init; }

    /// <summary>keyUsage; null for <see cref="Ca"/>'s or for none.</summary>
    public X509KeyUsageFlags? KeyUsage { get; init; }

    /// <summary>Extended key usage clientAuth, serverAuth.</summary>
    public bool ClientAuthentication { get; init; }

    public bool ServerAuthentication { get; init; }

    /// <summary>SAN; null for none.</summary>
    public X509Extension? AlternativeNames { get; init; }

    /// <summary>challengePassword (RFC 2985 section 5.4.1), as <see cref="EstClient.EnrollBoundAsync"/> gives it; null for none.</summary>
    public string? ChallengePassword { get; init; }

    /// <summary>
    /// Subject key identifier of our RSA certificate that a key made by the server is to be encrypted for (RFC 7030 section 4.4.1.2); null for none.
    /// </summary>
    public byte[]? DecryptKeyIdentifier { get; init; }

    /// <summary>Hash of the request's own signature.</summary>
    public HashAlgorithmName Hash { get; init; } = HashAlgorithmName.SHA256;

    /// <summary>Extensions that are asked for as they are, each instead of the one of the same OID that the rest would give.</summary>
    public IReadOnlyList<X509Extension> Given { get; init; } = [];
}

/// <summary>Makes PKCS#10 requests (RFC 2986) whose key is elsewhere.</summary>
public static class CertificateSigningRequests
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <returns>DER. Extensions that are not asked for are not there: servers with fixed profiles refuse them.</returns>
    public static byte[] Create(CertificateRequestContent content, RemoteSignatureGenerator key) =>
        ToRequest(content, key).CreateSigningRequest(key);

    /// <summary>The same request with a challengePassword, signed anew by its key with the hash that it was signed with.</summary>
    /// <param name="pkcs10Der">A request that <see cref="Create"/> made.</param>
    /// <param name="challengePassword">As <see cref="EstClient.EnrollBoundAsync"/> gives it.</param>
    /// <exception cref="CryptographicException">It is no request.</exception>
    public static byte[] Bind(byte[] pkcs10Der, string challengePassword, RemoteSignatureGenerator key)
    {
        var request = CertificateRequest.LoadSigningRequest(pkcs10Der, RequestAttributes.HashOf(pkcs10Der),
            CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        for (var i = request.OtherRequestAttributes.Count - 1; i >= 0; i--)
        {
            if (request.OtherRequestAttributes[i].Oid?.Value == RequestAttributes.ChallengePasswordOid) request.OtherRequestAttributes.RemoveAt(i);
        }

        request.OtherRequestAttributes.Add(RequestAttributes.ChallengePassword(challengePassword));
        return request.CreateSigningRequest(key);
    }

    /// <summary>The same, not signed yet: for a certificate that is minted locally.</summary>
    public static CertificateRequest ToRequest(CertificateRequestContent content, RemoteSignatureGenerator key)
    {
        var request = new CertificateRequest(content.Subject, key.PublicKey, content.Hash);
        foreach (var extension in ExtensionsOf(content)) request.CertificateExtensions.Add(extension);
        if (content.ChallengePassword is { } password) request.OtherRequestAttributes.Add(RequestAttributes.ChallengePassword(password));
        if (content.DecryptKeyIdentifier is { } identifier)
        {
            request.OtherRequestAttributes.Add(RequestAttributes.DecryptKey(identifier));
            request.OtherRequestAttributes.Add(RequestAttributes.Ciphers());
        }

        return request;
    }

    /// <summary>In the order in which they are asked for.</summary>
    internal static List<X509Extension> ExtensionsOf(CertificateRequestContent content)
    {
        var extensions = new List<X509Extension>();
        if (content.Ca) extensions.Add(new X509BasicConstraintsExtension(true, content.PathLength is not null, content.PathLength ?? 0, critical: true));
        var usage = content.KeyUsage ?? (content.Ca ? X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign : X509KeyUsageFlags.None);
        if (usage != X509KeyUsageFlags.None) extensions.Add(new X509KeyUsageExtension(usage, critical: true));
        var extended = new OidCollection();
        if (content.ServerAuthentication) extended.Add(new Oid(ServerAuthentication));
        if (content.ClientAuthentication) extended.Add(new Oid(ClientAuthentication));
        if (extended.Count > 0) extensions.Add(new X509EnhancedKeyUsageExtension(extended, critical: false));
        if (content.AlternativeNames is not null) extensions.Add(content.AlternativeNames);
        foreach (var given in content.Given)
        {
            extensions.RemoveAll(known => known.Oid?.Value == given.Oid?.Value);
            extensions.Add(given);
        }

        return extensions;
    }
}
