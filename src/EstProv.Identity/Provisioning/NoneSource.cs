using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Dps;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Provisioning;

/// <summary>
/// <c>source = "none"</c>: nobody out there to show a certificate to. It is proved on the device, by a signature of its key, through the
/// OpenSSL provider as TLS would have it, that verifies with the certificate.
/// </summary>
internal sealed class NoneSource(NoneProvisioning settings, IdentityOpener open, BelievedClock clock) : IProvisioningSource
{
    /// <summary>The code when key and certificate do not belong together.</summary>
    public const string Unproved = "identity_unproved";

    public ProvisioningSettings Settings => settings;

    public string Place => "this device";

    public string? CommonName => settings.RegistrationId;

    public bool KeepsRefused => false;

    public Assignment? Known => null;

    public string NameOf(ShownCredential shown) => settings.RegistrationId ?? ((DeviceCredential)shown).CommonName();

    public Task<Assignment> ProveAsync(ShownCredential shown, string name, CancellationToken cancel) => Task.Run(() =>
    {
        var credential = (DeviceCredential)shown;
        clock.Raise(new DateTimeOffset(credential.Leaf.NotBefore));
        if (clock.IsBelieved && clock.Now > new DateTimeOffset(credential.Leaf.NotAfter))
        {
            throw new ProblemException("certificate_expired",
                $"{credential.Description} ended at {credential.Leaf.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z",
                "see 'estprov status' for what its renewal waits for; it is looked at again by itself", 503);
        }

        using var identity = open(credential);
        if (Signs(identity.Context.TargetCertificate, credential.Leaf)) return new Assignment("", name);
        throw new ProblemException(Unproved, $"a signature by the key of {credential.Description} does not verify with it",
            "another certificate is asked for by itself", 503);
    }, cancel);

    private static bool Signs(X509Certificate2 withKey, X509Certificate2 certificate)
    {
        var challenge = RandomNumberGenerator.GetBytes(32);
        if (withKey.GetECDsaPrivateKey() is { } ec)
        {
            using (ec)
            using (var verifier = certificate.GetECDsaPublicKey())
            {
                return verifier is not null && verifier.VerifyHash(challenge, ec.SignHash(challenge));
            }
        }

        using var rsa = withKey.GetRSAPrivateKey();
        using var publicKey = certificate.GetRSAPublicKey();
        return rsa is not null && publicKey is not null
            && publicKey.VerifyHash(challenge, rsa.SignHash(challenge, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
                HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }
}
