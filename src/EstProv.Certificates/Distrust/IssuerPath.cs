using System.Security.Cryptography.X509Certificates;

namespace EstProv.Certificates.Distrust;

/// <summary>Which CAs a certificate is under, whether or not anybody trusts them.</summary>
internal static class IssuerPath
{
    /// <param name="chain">As it is stored: leaf first, often without the root.</param>
    /// <param name="known">Where the rest may be found.</param>
    /// <returns>The leaf, then as many of its issuers as are known.</returns>
    public static IReadOnlyList<X509Certificate2> Of(X509Certificate2Collection chain, X509Certificate2Collection known)
    {
        using var builder = new X509Chain();
        var policy = builder.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationFlags = X509VerificationFlags.AllFlags;
        policy.VerificationTime = chain[0].NotBefore.ToUniversalTime().AddSeconds(1);
        policy.CustomTrustStore.AddRange(known);
        policy.ExtraStore.AddRange(chain);
        builder.Build(chain[0]);
        var path = new List<X509Certificate2>();
        // Copied out: a chain disposes of those that it made.
        foreach (var element in builder.ChainElements) path.Add(X509CertificateLoader.LoadCertificate(element.Certificate.RawDataMemory.Span));
        // Where the path breaks off, what came along is believed: that errs on the safe side.
        if (path.Count < chain.Count) return [.. chain];
        return path;
    }
}
