using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Api;
using EstProv.LocalApi;
using EstProv.LocalApi.Client;
using EstProv.Platform;

namespace EstProv.Identity.Local;

/// <summary>
/// Local identities: a P-256 key made in memory, and a certificate for it that the Certificates Service issues by its own rules. Nothing of
/// either is kept here.
/// </summary>
/// <param name="settings"><c>[localid]</c>; null where there are none.</param>
/// <param name="hostName">The device's host name.</param>
internal sealed class LocalIdentities(LocalIdSettings? settings, LocalClient certd, string hostName, TimeProvider time)
{
    private const int LongestCommonName = 64; // ub-common-name, RFC 5280 appendix A.1
    private const int LongestLabel = 63; // RFC 1035 section 2.3.4

    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Longer than certd waits for what it needs to issue.</summary>
    private static readonly TimeSpan Issuing = TimeSpan.FromSeconds(75);

    // Certificates of callers that have keys of their own: a local identity must not take their place in certd's store.
    private static readonly string[] Others = ["module-server", "module-id"];

    private readonly IssueLimit _limit = new(time);

    /// <summary>A new key and a certificate for it.</summary>
    /// <param name="isServer">A TLS server's (and client's), with its name as a DNS name too; else a client's.</param>
    /// <exception cref="ProblemException">
    /// <c>no_local_ids</c>, <c>local_id_name</c> 400; <c>local_id_too_often</c> 429; certd's own, such as <c>not_configured</c>,
    /// <c>csr_not_allowed</c>, <c>est_*</c>.
    /// </exception>
    public LocalIdentity Issue(string name, bool isServer, CancellationToken cancel)
    {
        if (settings is null) throw new ProblemException("no_local_ids", "there are no local identities on this device",
            "add [localid] with domain to identityd.toml", 400);
        var certId = settings.CertId ?? name;
        if (Array.IndexOf(Others, certId) >= 0)
            throw new ProblemException("local_id_name", $"a local identity cannot have the certificate id '{certId}'",
                "set cert_id in [localid] of identityd.toml, or choose another name", 400);
        var commonName = CommonName(name, settings.Domain);
        _limit.Take(name);
        cancel.ThrowIfCancellationRequested();
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            var csr = Request(key, commonName, isServer);
            var reply = certd.Send("POST", $"/certificates?api-version={ApiVersions.Certd}", JsonFields.Write(json =>
            {
                json.WriteString("certId"u8, certId);
                json.WriteString("csr"u8, csr);
            }), "application/json", timeout: Issuing);
            var pem = Pem(reply);
            return new LocalIdentity(name, key, pem, Expiration(pem));
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private string CommonName(string name, string domain)
    {
        var text = $"{name}.{hostName}.{domain}";
        return text.Length <= LongestCommonName ? text : throw new ProblemException("local_id_name",
            $"'{text}' has {text.Length} characters, and a common name has at most {LongestCommonName} (RFC 5280)",
                "shorten the name, the device's host name, or the domain in [localid]", 400);
    }

    private static string Request(ECDsa key, string commonName, bool isServer)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(commonName);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        var usages = new OidCollection { new Oid(ClientAuthentication) };
        if (isServer) usages.Add(new Oid(ServerAuthentication));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
        if (isServer)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(DnsName(commonName));
            request.CertificateExtensions.Add(names.Build());
        }

        return request.CreateSigningRequestPem();
    }

    /// <summary>Clients hold a server's name against its alternative names only (RFC 9525).</summary>
    private static string DnsName(string commonName)
    {
        foreach (var label in commonName.Split('.'))
        {
            var isLabel = label.Length is > 0 and <= LongestLabel && label[0] != '-' && label[^1] != '-';
            foreach (var character in label) isLabel &= char.IsAsciiLetterOrDigit(character) || character == '-';
            if (!isLabel)
                throw new ProblemException("local_id_name", $"'{commonName}' is no DNS name, which a server's local identity needs",
                    "use letters, digits and dashes in its name", 400);
        }

        return commonName.ToLowerInvariant();
    }

    private static string Pem(LocalReply reply)
    {
        try
        {
            using var document = JsonDocument.Parse(reply.Body);
            return document.RootElement.Text("pem");
        }
        catch (JsonException cause)
        {
            throw BadAnswer(cause);
        }
    }

    private static DateTimeOffset Expiration(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
        }
        catch (CryptographicException cause)
        {
            throw BadAnswer(cause);
        }
    }

    private static ProblemException BadAnswer(Exception cause)
        => new("certd_bad_answer", "the Certificates Service answered without a certificate", "are all daemons of one version?", 503,
            cause);
}
