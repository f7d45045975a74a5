using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Rescue;

/// <summary>
/// A rescue file as it is brought: CMS SignedData (RFC 5652 section 5) over its text, in DER or PEM, by one signer whose certificate is in it
/// and is one of <c>rescue_certs</c>, or was issued under one.
/// </summary>
internal static class RescueSignature
{
    private const string Sha256 = "2.16.840.1.101.3.4.2.1", Sha384 = "2.16.840.1.101.3.4.2.2", Sha512 = "2.16.840.1.101.3.4.2.3";

    private const X509ChainStatusFlags NotTrusted = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    /// <param name="rescuers">Certificates of <c>rescue_certs</c>.</param>
    /// <param name="minting">CAs that servers or this device's certificates are under: no signer may be under one.</param>
    /// <returns>The text, and who signed it.</returns>
    /// <exception cref="ProblemException">
    /// <c>rescue_unreadable</c>, <c>rescue_signature</c>, <c>rescue_signer</c>, <c>rescue_signer_expired</c>, <c>rescue_certs_minted</c>.
    /// </exception>
    public static (byte[] Text, string Signer) Verify(byte[] file, X509Certificate2Collection rescuers, IReadOnlyList<X509Certificate2> minting, BelievedClock clock)
    {
        var message = Decode(file);
        if (message.Detached || message.SignerInfos.Count != 1) throw RescueProblems.Unreadable("it has no content, or not exactly one signer");
        var signer = message.SignerInfos[0];
        if (signer.Certificate is not { } certificate) throw RescueProblems.Unreadable("the signer's certificate is not in it");
        var name = certificate.Subject;
        if (signer.DigestAlgorithm.Value is not (Sha256 or Sha384 or Sha512)) throw RescueProblems.Digest(name);
        foreach (var rescuer in rescuers)
        {
            if (Has(minting, rescuer)) throw RescueProblems.Minted(rescuer.Subject);
        }

        DemandRight(certificate, rescuers, message.Certificates, clock);
        try
        {
            message.CheckSignature(verifySignatureOnly: true);
        }
        catch (CryptographicException cause)
        {
            throw RescueProblems.Signature(cause);
        }

        return (message.ContentInfo.Content, name);
    }

    private static SignedCms Decode(byte[] file)
    {
        try
        {
            var der = file;
            // DER of a SEQUENCE begins with 0x30; everything else is text.
            if (file.Length == 0 || file[0] != 0x30)
            {
                var text = Encoding.ASCII.GetString(file);
                if (!PemEncoding.TryFind(text, out var fields) || text[fields.Label] is not ("CMS" or "PKCS7")) throw RescueProblems.Unreadable("it holds no PEM block CMS");
                der = Convert.FromBase64String(text[fields.Base64Data]);
            }

            var message = new SignedCms();
            message.Decode(der);
            return message;
        }
        catch (Exception cause) when (cause is CryptographicException or FormatException)
        {
            throw RescueProblems.Unreadable("it is no CMS SignedData", cause);
        }
    }

    private static void DemandRight(X509Certificate2 signer, X509Certificate2Collection rescuers, X509Certificate2Collection sent, BelievedClock clock)
    {
        foreach (var rescuer in rescuers)
        {
            if (!rescuer.RawDataMemory.Span.SequenceEqual(signer.RawDataMemory.Span)) continue;
            if (clock.IsBelieved && (signer.NotAfter.ToUniversalTime() <= clock.Now.UtcDateTime || signer.NotBefore.ToUniversalTime() > clock.Now.UtcDateTime))
                throw RescueProblems.SignerExpired(signer.Subject);
            return;
        }

        foreach (var extension in signer.Extensions)
        {
            // A CA's key signs certificates; whoever signs rescue files has one of his own.
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true })
                throw RescueProblems.Signer(signer.Subject, "it is a CA",
                    "have it signed by one that is no CA, and one of rescue_certs or under one");
            if (extension is X509KeyUsageExtension usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature))
                throw RescueProblems.Signer(signer.Subject, "its key usage is not for signatures",
                    "have its certificate issued anew with the key usage digitalSignature");
        }

        DemandPath(signer, rescuers, sent, clock);
    }

    private static void DemandPath(X509Certificate2 signer, X509Certificate2Collection rescuers, X509Certificate2Collection sent, BelievedClock clock)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationTime = clock.Now.UtcDateTime;
        policy.CustomTrustStore.AddRange(rescuers);
        policy.ExtraStore.AddRange(sent);
        chain.Build(signer);
        var flags = X509ChainStatusFlags.NoError;
        foreach (var status in chain.ChainStatus) flags |= status.Status;
        // X509Chain takes a self-signed certificate only for an end; any of rescue_certs is one.
        var end = chain.ChainElements.Count > 1 ? chain.ChainElements[^1].Certificate : null;
        var isUnder = end is not null && Has([.. rescuers], end);
        if (isUnder) flags &= ~X509ChainStatusFlags.PartialChain;
        if (!isUnder || (flags & NotTrusted) != X509ChainStatusFlags.NoError) throw RescueProblems.Signer(signer.Subject, "it is neither one of rescue_certs nor under one");
        if ((flags & ~X509ChainStatusFlags.NotTimeValid) != X509ChainStatusFlags.NoError) throw RescueProblems.Signer(signer.Subject, "its path does not hold");
        if (flags != X509ChainStatusFlags.NoError) throw RescueProblems.SignerExpired(signer.Subject);
    }

    /// <summary>By the key: the same CA may have several certificates.</summary>
    private static bool Has(IReadOnlyList<X509Certificate2> certificates, X509Certificate2 wanted)
    {
        var key = wanted.PublicKey.ExportSubjectPublicKeyInfo();
        foreach (var certificate in certificates)
        {
            if (certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key)) return true;
        }

        return false;
    }
}
