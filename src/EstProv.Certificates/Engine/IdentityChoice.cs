using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What an enrolment shows to the server, and where it goes.</summary>
/// <param name="BootstrapReason">Why the bootstrap identity is used; null when it is not.</param>
internal sealed record EnrolmentWay(Uri Url, ShownCredential Shown, bool Reenroll, string? BootstrapReason);

/// <summary>Finds the URL and the credential for each enrolment, and the names for requests.</summary>
internal sealed class IdentityChoice(EngineParts parts, CredentialTable table)
{
    private EstIssuance Est => parts.Configuration.Est
        ?? throw new ProblemException("est_not_configured", "certd.toml has no [cert_issuance.est], so no EST server is known",
            "add it, with method, identity_cert and identity_pk, and its urls", 400);

    public bool BootstrapAlways(Credential credential) => table.AccessOf(credential.Id)?.BootstrapUse == BootstrapUse.Always;

    /// <summary>The own URL of a certificate id, else the default.</summary>
    /// <exception cref="ProblemException"><c>est_no_url</c>.</exception>
    public Uri UrlOf(string id)
    {
        if (parts.Configuration.Issuance.TryGetValue(id, out var issuance) && issuance.Url is { } alone) return alone.Value;
        if (Est.Urls.TryGetValue(id, out var own) || Est.Urls.TryGetValue("default", out own)) return own.Value;
        throw new ProblemException("est_no_url", $"{Est.Position}: there is no EST URL for certificate '{id}'",
            $"add \"{id}\" or \"default\" to [cert_issuance.est.urls]", 400);
    }

    /// <summary>The credential that has to be there before this one can be issued; null when there is none, or when it is there.</summary>
    public Credential? MissingFor(Credential credential)
    {
        var needed = NeededFor(credential.Id, credential.Issuance!.Method);
        return needed is null || ReferenceEquals(needed, credential) || Needs.IsReady(needed, parts.Clock) ? null : needed;
    }

    public Credential? NeededFor(string id, IssuanceMethod method)
    {
        if (method == IssuanceMethod.Est) return table.IdentityFor(id);
        if (method == IssuanceMethod.SelfSigned) return null;
        // The configuration is refused where something is to be signed by a device CA that nobody configured.
        return table.DeviceCa ?? throw new InvalidOperationException($"no device CA for '{id}'");
    }

    /// <summary>How a credential of ours is enrolled now.</summary>
    public EnrolmentWay WayFor(Credential credential)
    {
        var url = UrlOf(credential.Id);
        if (!table.IsIdentity(credential)) return new EnrolmentWay(url, ShownFor(credential.Id), false, null);

        var access = AccessOf(credential.Id);
        EstIdentitySource source;
        string reason;
        lock (table.Gate)
        {
            source = EstIdentitySources.Choose(credential, access, parts.Clock);
            reason = credential.Rescue is { } rescue ? $"an operator allowed it ({rescue.By})"
                : credential.Current is null ? "there is no EST identity yet"
                : credential.KeyMissing ? "the EST identity's key is gone"
                : Needs.IsExpired(credential.Current, parts.Clock) ? "the EST identity has expired"
                : "the EST server refused the EST identity, and bootstrap_use is \"always\"";
        }

        return source switch
        {
            EstIdentitySource.Itself => new EnrolmentWay(url, Shown(credential), true, null),
            EstIdentitySource.Basic => new EnrolmentWay(url, Basic(access), false, null),
            EstIdentitySource.OneTime => new EnrolmentWay(url, ShownCredential.OneTime, false, null),
            EstIdentitySource.Bootstrap => new EnrolmentWay(url, Bootstrap(access), false, reason),
            _ when credential.KeyMissing => throw new ProblemException("key_not_found",
                $"the Key Service has no key '{credential.KeyId}' for the EST identity '{credential.Id}', and the bootstrap identity may not be used",
                "put the key that the certificate was requested with into [preloaded_keys] of the Key Service, or "
                    + (access.BootstrapIdentityCert is null ? "configure a bootstrap identity"
                        : "let the bootstrap identity be used: bootstrap_use = \"expired\""), 503),
            _ => throw new ProblemException("est_no_identity", $"{access.Position}: there is neither an EST identity '{credential.Id}' nor a bootstrap identity",
                $"preload \"{credential.Id}\" with its key, or configure bootstrap_identity_cert and bootstrap_identity_pk", 503),
        };
    }

    /// <summary>A credential in use as a TLS client's.</summary>
    public ShownCredential Shown(Credential credential)
    {
        StoredCertificate? current;
        KeyReference? key;
        lock (table.Gate) (current, key) = (credential.Current, credential.Key);
        if (current is null || key is null)
        {
            throw new ProblemException("certificate_pending", $"the certificate '{credential.Id}' is being looked at, since it has changed",
                "it is tried again by itself", 503);
        }

        return Show(credential, ChainOf(current), key);
    }

    /// <summary>What is shown to the EST server for this certificate: its EST identity in use, or a user name and password.</summary>
    public ShownCredential ShownFor(string id)
    {
        var access = AccessOf(id);
        if (table.IdentityFor(id) is not { } identity) return Basic(access);
        return Shown(identity) with { Username = access.Username, PasswordFile = access.PasswordFile };
    }

    /// <summary>An EST identity with this certificate and key.</summary>
    public ShownCredential Show(Credential identity, string chainPem, KeyReference key)
    {
        var access = table.AccessOf(identity.Id);
        return new ShownCredential(identity.Id, chainPem, key.Handle)
        {
            Username = access?.Username,
            PasswordFile = access?.PasswordFile,
            IsIdentity = table.IsIdentity(identity),
        };
    }

    private EstAccess AccessOf(string id) => table.AccessOf(id) ?? Est.Access;

    /// <summary>The user name and password of <c>[cert_issuance.est]</c>, without a certificate.</summary>
    public ShownCredential SharedPassword => Basic(Est.Access);

    private static ShownCredential Basic(EstAccess access) => ShownCredential.Basic with { Username = access.Username, PasswordFile = access.PasswordFile };

    public string ChainOf(StoredCertificate certificate) =>
        certificate.Kind == StoredKind.Operator ? parts.Preloaded.ReadFile(certificate.Id).Pem : certificate.Pem;

    /// <summary>
    /// The common name that a request asks for: the configuration's, else the one that came with the wish, else the bootstrap certificate's, else the EST identity's,
    /// else the host name.
    /// </summary>
    public string NameFor(Credential credential)
    {
        string? wanted;
        lock (table.Gate) wanted = credential.WantedName;
        if (credential.Issuance?.CommonName is { } configured) return configured;
        if (credential.Profile == CertificateProfile.Ca) return SubjectNames.OfDeviceCa(DeviceName(table.Identity?.WantedName, table.AccessOf(credential.Id)));
        return DeviceName(wanted, table.AccessOf(credential.Id));
    }

    private string DeviceName(string? wanted, EstAccess? access)
    {
        if (wanted is not null) return wanted;
        if ((access?.BootstrapIdentityCert ?? parts.Configuration.Est?.BootstrapIdentityCert) is { } bootstrap)
        {
            try
            {
                if (SubjectNames.Of(ReadPreloaded(bootstrap)) is { } name) return name;
            }
            catch (ProblemException)
            {
                // Not needed any more, or reported where it is.
                return DeviceNameWithoutBootstrap();
            }
        }

        return DeviceNameWithoutBootstrap();
    }

    private string DeviceNameWithoutBootstrap()
    {
        StoredCertificate? identity;
        lock (table.Gate) identity = table.Identity?.Current;
        return (identity is null ? null : SubjectNames.Of(ChainOf(identity))) ?? SubjectNames.HostName();
    }

    /// <summary>Who this device is: common names and, in hexadecimal, SHA-256 of the public keys of its EST identity and of its bootstrap identity.</summary>
    public (IReadOnlyList<string> Names, IReadOnlyList<string> Keys) WhoWeAre()
    {
        var (names, keys) = (new List<string>(), new List<string>());
        StoredCertificate? identity;
        lock (table.Gate) identity = table.Identity?.Current;
        if (identity is not null) Add(() => ChainOf(identity));
        if (Est.BootstrapIdentityCert is { } bootstrap) Add(() => ReadPreloaded(bootstrap));
        return (names, keys);

        void Add(Func<string> read)
        {
            try
            {
                var pem = read();
                if (SubjectNames.Of(pem) is { } name && !names.Contains(name)) names.Add(name);
                var key = Convert.ToHexStringLower(SHA256.HashData(PemText.Parse(pem)[0].PublicKey.ExportSubjectPublicKeyInfo()));
                if (!keys.Contains(key)) keys.Add(key);
            }
            catch (Exception cause) when (cause is ProblemException or CryptographicException)
            {
                // Then it names nobody.
                return;
            }
        }
    }

    private ShownCredential Bootstrap(EstAccess access)
    {
        var (certificate, keyId) = (access.BootstrapIdentityCert!, BootstrapKeyOf(access));
        var leaf = BootstrapCertificate(certificate, out var pem);
        var spki = SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo());
        var key = parts.Keys.FindKeyPair(keyId, spki)
            ?? throw new ProblemException("key_mismatch",
                $"the Key Service has no key '{keyId}' that belongs to the bootstrap certificate '{certificate}' (SPKI SHA-256 {Base64Url.EncodeToString(spki)})",
                "[preloaded_keys] of the Key Service must name the key with which that certificate was requested", 503);
        return new ShownCredential(certificate, pem, key.Handle) { Username = access.Username, PasswordFile = access.PasswordFile };
    }

    private static string BootstrapKeyOf(EstAccess access) => access.BootstrapIdentityPk ?? access.BootstrapIdentityCert!;

    /// <summary>The operator's file, which is what is shown: an import under the same id is not.</summary>
    private X509Certificate2 BootstrapCertificate(string id, out string pem)
    {
        pem = ReadPreloaded(id);
        try
        {
            return PemText.Parse(pem)[0];
        }
        catch (CryptographicException cause)
        {
            throw parts.Preloaded.Damaged(id, cause);
        }
    }

    /// <summary>
    /// Whether the bootstrap identity of an EST identity could be shown now, by what would be shown; keyd is asked, no server is.
    /// </summary>
    public BootstrapJudgement JudgeBootstrap(string identity, EstAccess access)
    {
        var judgement = new BootstrapJudgement(identity);
        if (access.BootstrapIdentityCert is not { } id) return judgement;
        judgement.CertificateId = id;
        judgement.KeyId = BootstrapKeyOf(access);
        try
        {
            using var leaf = BootstrapCertificate(id, out _);
            judgement.Subject = leaf.Subject;
            judgement.NotBefore = new DateTimeOffset(leaf.NotBefore);
            judgement.NotAfter = new DateTimeOffset(leaf.NotAfter);
            if (parts.Clock.IsBelieved)
                (judgement.IsOver, judgement.IsEarly) = (judgement.NotAfter <= parts.Clock.Now, judgement.NotBefore > parts.Clock.Now);
            _ = Bootstrap(access);
        }
        catch (ProblemException problem)
        {
            judgement.Problem = problem;
        }

        return judgement;
    }

    private string ReadPreloaded(string id) => parts.Preloaded.IsFile(id)
        ? parts.Preloaded.ReadFile(id).Pem
        : throw new ProblemException("certificate_not_found", $"{Est.Position}: the bootstrap certificate '{id}' is not in [preloaded_certs]",
            $"add \"{id}\" = \"/path/of/the/file\" there", 503);
}
