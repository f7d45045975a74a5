using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>Certificates on a caller's request that are made on the device: under a CA whose key is in keyd, or signed with their own key.</summary>
internal sealed class CallerMint(EngineParts parts, CredentialEngine engine)
{
    /// <summary>How long a caller waits for the device CA to be there.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    private CredentialTable Table => engine.Table;

    /// <param name="issuer">A CA of ours that the caller names; null for the device CA.</param>
    /// <returns>The chain, and the id of the CA.</returns>
    /// <exception cref="ProblemException"><c>issuer_not_found</c>, <c>device_ca_*</c>; keyd's.</exception>
    public (X509Certificate2Collection Chain, string Issuer) Mint(string id, CallerRequest request, EffectivePolicy policy, string? issuer, CancellationToken cancel)
    {
        Credential? ca;
        lock (Table.Gate) ca = issuer is null ? engine.Identities.NeededFor(id, IssuanceMethod.DeviceCa) : Table.Find(issuer);
        var order = OrderFor(id, request, policy);
        if (ca is null) return (LocalMint.Mint(OtherCa(issuer!), order, parts.Clock), issuer!);

        var usable = engine.Acquire(ca, LongestWait, cancel);
        return (engine.Steps.Sign(ca, new LocalCa(PemText.Parse(usable.ChainPem), KeySigner.Of(parts.Keys, usable.Key)), order), ca.Id);
    }

    /// <summary>
    /// With the key of the certificate's id in keyd, for requests that this very key has signed: whoever made one may use the key already, so nobody signs through us
    /// with a key that is not his.
    /// </summary>
    /// <exception cref="ProblemException"><c>csr_not_allowed</c>; keyd's.</exception>
    public X509Certificate2 SelfSign(string id, CallerRequest request, EffectivePolicy policy)
    {
        var key = parts.Keys.FindKeyPair(id, SHA256.HashData(request.Key.ExportSubjectPublicKeyInfo())) ?? throw new ProblemException("csr_not_allowed",
            $"certificate '{id}' is self-signed, and the certificate request is for another key than '{id}' in the Key Service",
            $"make the request with that key, or set method = \"device-ca\" or \"est\" in [cert_issuance.{id}]", 400);
        return LocalMint.SelfSign(OrderFor(id, request, policy), KeySigner.Of(parts.Keys, key), parts.Clock);
    }

    /// <summary>The subject that the configuration gives whatever a request says; null where the request's counts.</summary>
    public static X500DistinguishedName? ConfiguredSubject(CertificateIssuance? issuance) => issuance switch
    {
        { CommonName: null } or null => null,
        { Subject: { } subject } => RequestedNames.Encode(subject),
        { CommonName: { } name } => SubjectNames.CommonName(name),
    };

    private MintOrder OrderFor(string id, CallerRequest request, EffectivePolicy policy)
    {
        var issuance = parts.Configuration.Issuance.GetValueOrDefault(id);
        var profile = CertificateProfiles.Of(id, issuance);
        // Only who asks for a CA gets one.
        if (request.IsCa) profile = CertificateProfile.Ca;
        else if (profile == CertificateProfile.Ca) profile = CertificateProfile.Client;
        return new MintOrder(
            request.Key, ConfiguredSubject(issuance) ?? request.Subject, profile,
            request.AlternativeNames ?? CertificateProfiles.NamesFor(profile, issuance), request.Usages is { Count: > 0 } usages ? usages : null)
        {
            Lifetime = issuance?.ExpiryDays is { } days ? TimeSpan.FromDays(days) : null,
            PathLength = Math.Min(request.PathLength ?? policy.PathLength, policy.PathLength),
        };
    }

    /// <summary>A CA that was issued on a caller's request, imported or preloaded, and whose key is in keyd under the same id, such as IoT Edge's.</summary>
    private LocalCa OtherCa(string issuer)
    {
        var file = parts.Preloaded.IsFile(issuer) ? parts.Preloaded.ReadFile(issuer).Pem : null;
        var pem = Table.FindOtherLocked(issuer)?.Pem ?? file ?? throw NotFound(issuer, "there is no such certificate");
        try
        {
            var chain = PemText.Parse(pem);
            var key = parts.Keys.FindKeyPair(issuer, SHA256.HashData(chain[0].PublicKey.ExportSubjectPublicKeyInfo()))
                ?? throw NotFound(issuer, $"the Key Service has no key '{issuer}' that belongs to its certificate");
            return new LocalCa(chain, KeySigner.Of(parts.Keys, key));
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("issuer_not_found", $"the issuer '{issuer}' cannot sign: its certificate cannot be read",
                "it was cut or changed: bring its file of [preloaded_certs] anew, or import it again", 400, cause);
        }
    }

    private static ProblemException NotFound(string issuer, string why) => new("issuer_not_found", $"the issuer '{issuer}' cannot sign: {why}",
        "name device-ca or another CA whose key is in the Key Service under the same id, or leave the issuer out", 400);
}
