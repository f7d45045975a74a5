using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Simulator.Pki;

/// <summary>RFC 5280 path validation of a client certificate, against this simulator's roots only.</summary>
public static class ChainVerifier
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>
    /// Null when <paramref name="leaf"/> has a valid path to a root through one of <paramref name="required"/> (CA certificates, themselves
    /// roots or not); else why not. <paramref name="path"/> gets the path found, leaf first.
    /// </summary>
    public static string? Verify(
        X509Certificate2 leaf,
        X509Certificate2Collection sent,
        X509Certificate2Collection roots,
        X509Certificate2Collection known,
        X509Certificate2Collection required,
        DateTimeOffset now,
        out IReadOnlyList<X509Certificate2> path)
    {
        path = [];
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ExtraStore.AddRange(known);
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        if (!chain.Build(leaf))
        {
            var reasons = new SortedSet<string>(StringComparer.Ordinal);
            foreach (var status in chain.ChainStatus)
            {
                reasons.Add(status.Status.ToString());
            }

            return string.Join(", ", reasons);
        }

        var elements = new List<X509Certificate2>(chain.ChainElements.Count);
        foreach (var element in chain.ChainElements)
        {
            elements.Add(X509CertificateLoader.LoadCertificate(element.Certificate.RawData));
        }

        path = elements;
        for (var i = 1; i < elements.Count; i++)
        {
            foreach (var wanted in required)
            {
                if (elements[i].RawDataMemory.Span.SequenceEqual(wanted.RawDataMemory.Span))
                {
                    return null;
                }
            }
        }

        return "not issued under an accepted CA";
    }
}
