using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>What EST servers are verified against, as it is now.</summary>
/// <param name="Certificates">The anchors.</param>
/// <param name="DeviceCaIssuers">Those who signed our device CA: a server's path must not run through a CA that they signed.</param>
/// <param name="Fingerprint">Another one as soon as anything is another.</param>
internal sealed record AnchorSet(X509Certificate2Collection Certificates, X509Certificate2Collection DeviceCaIssuers, string Fingerprint)
{
    /// <summary>Whether a CA is distrusted; null where none is.</summary>
    public Func<X509Certificate2, bool>? IsDistrusted { get; init; }
}

/// <summary>
/// <c>trusted_certs</c> where set, else the trust bundle, what came by rescue files, and the CA of <c>ca_fingerprint</c>; without what is distrusted. The files are read on
/// each use. And of what came from the network those alone that the operator's fingerprint vouches for, or, of the roots that the very server has told of, one of these.
/// </summary>
/// <param name="read">PEM of a certificate id or bundle, as configured.</param>
/// <param name="deviceCaChain">PEM of our device CA with its chain; null while there is none.</param>
internal sealed class TrustAnchors(EstIssuance configuration, Func<string, string> read, Func<string?> deviceCaChain, LearntAnchors learnt)
{
    public const string TrustBundle = "trust-bundle";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, AnchorSet> _known = new(StringComparer.Ordinal);

    /// <summary>Null where nothing can be distrusted.</summary>
    public DistrustList? Distrusted { get; init; }

    /// <summary>PEM of anchors besides, which operators brought.</summary>
    public Func<string>? Besides { get; init; }

    /// <summary>The CA of <c>ca_fingerprint</c>; null where none is configured.</summary>
    public ApprovedCa? Approved { get; init; }

    /// <exception cref="ProblemException"><c>est_no_trust</c>; what reading a file of the operator's says.</exception>
    /// <param name="url">The server that is to be verified.</param>
    /// <param name="deviceCaInstead">As if this were our device CA.</param>
    /// <param name="distrusted">As if this were distrusted too.</param>
    public AnchorSet Read(Uri url, string? deviceCaInstead = null, IssuerName? distrusted = null)
    {
        var (origin, pem, deviceCa) = (LearntAnchors.OriginOf(url), All(), deviceCaInstead ?? deviceCaChain() ?? "");
        var list = Distrusted is { IsEmpty: false } known ? known : null;
        var roots = learnt.Of(url);
        var fingerprint = $"{HashOf(pem)} {HashOf(deviceCa)} {list?.Fingerprint} {distrusted} {LearntAnchors.FingerprintOf(roots)}";
        lock (_gate)
        {
            if (_known.TryGetValue(origin, out var read) && read.Fingerprint == fingerprint) return read;
        }

        try
        {
            var all = PemText.Parse(pem);
            var anchors = Distrusted?.Without(all, distrusted) ?? all;
            if (all.Count > 0 && anchors.Count == 0 && !configuration.TrustSystem && distrusted is null) throw AllDistrusted();
            Func<X509Certificate2, bool>? isDistrusted = list is null && distrusted is null ? null
                : certificate => distrusted?.Names(certificate) == true || list?.FindItself(certificate) is not null;
            anchors = [.. anchors, .. LearntAnchors.Trusted(roots, anchors, isDistrusted)];
            // Whoever signed our device CA did so, trusted or not.
            var set = new AnchorSet(anchors, IssuersOf(PemText.Parse(deviceCa), [.. all, .. anchors]), fingerprint) { IsDistrusted = isDistrusted };
            lock (_gate) _known[origin] = set;
            return set;
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("preloaded_no_certificate", "a certificate that EST servers are verified against cannot be read",
                $"one of the files of {Source()} was cut or changed: bring it anew; openssl x509 -noout -in FILE must read each",
                503, cause);
        }
    }

    /// <summary>What a server is verified by now, for people: each anchor with where it comes from.</summary>
    /// <exception cref="ProblemException">As <see cref="Read"/>.</exception>
    public string Explain(Uri url)
    {
        List<X509Certificate2> left = [.. Read(url).Certificates];
        List<string> parts = [];
        Take(Configured(), configuration.TrustedCerts is { } ids ? $"from trusted_certs, {ids.Position}" : "from the trust bundle");
        if (configuration.CaFingerprint is { } approved)
        {
            if (Approved is { IsKnown: false })
            {
                parts.Add($"the CA with the fingerprint {Sha256Fingerprint.Text(approved.Value)}, which is fetched first "
                    + $"(ca_fingerprint, {approved.Position})");
            }

            Take(Approved?.Pem ?? "", $"which has the fingerprint of ca_fingerprint, {approved.Position}");
        }

        Take(Besides?.Invoke() ?? "", "from a rescue file");
        Add(left, "learnt from this server, which one of the others vouches for");
        if (configuration.TrustSystem) parts.Add("the system's store");
        return string.Join("; ", parts);

        void Take(string pem, string source)
        {
            if (left.Count == 0 || pem.Length == 0) return;
            List<X509Certificate2> its = [];
            foreach (var certificate in PemText.Parse(pem))
            {
                if (left.Contains(certificate) && !its.Contains(certificate)) its.Add(certificate);
            }

            left.RemoveAll(its.Contains);
            Add(its, source);
        }

        void Add(List<X509Certificate2> certificates, string source)
        {
            if (certificates.Count == 0) return;
            var subjects = "";
            foreach (var certificate in certificates) subjects += (subjects.Length > 0 ? "; " : "") + certificate.Subject;
            parts.Add($"{subjects} ({source})");
        }
    }

    private string Configured()
    {
        try
        {
            return Text();
        }
        catch (ProblemException)
        {
            // Where nothing else is there either, reading the anchors has said so.
            return "";
        }
    }

    private ProblemException AllDistrusted() => new("est_no_trust",
        $"{configuration.Position}: every CA that EST servers are verified by is distrusted", $"add the EST server's new CA to {Source()}, or take one back: estprov distrust --undo", 503);

    private static string HashOf(string text) => ContentHash.Of(Encoding.ASCII.GetBytes(text));

    private static X509Certificate2Collection IssuersOf(X509Certificate2Collection deviceCa, X509Certificate2Collection anchors)
    {
        var issuers = new X509Certificate2Collection();
        if (deviceCa.Count == 0) return issuers;
        X509Certificate2Collection candidates = [.. deviceCa, .. anchors];
        foreach (var candidate in candidates)
        {
            if (candidate.SubjectName.RawData.AsSpan().SequenceEqual(deviceCa[0].IssuerName.RawData)) issuers.Add(candidate);
        }

        return issuers;
    }

    private string All()
    {
        var besides = Besides?.Invoke() + Approved?.Pem;
        try
        {
            return Text() + besides;
        }
        catch (ProblemException) when (besides.Length > 0)
        {
            return besides;
        }
    }

    private string Text()
    {
        try
        {
            if (configuration.TrustedCerts is not { } ids) return read(TrustBundle);
            var pem = "";
            foreach (var id in ids.Value) pem += read(id);
            return pem;
        }
        catch (ProblemException) when ((configuration.TrustSystem || Approved is not null) && configuration.TrustedCerts is null)
        {
            return "";
        }
        catch (ProblemException problem) when (problem.Code == "certificate_not_found")
        {
            throw new ProblemException("est_no_trust", $"{configuration.Position}: there is nothing to verify EST servers against: {problem.Message}",
                "put the EST server's CA into [preloaded_certs] \"trust-bundle\", or set trusted_certs or trust = \"system\" in [cert_issuance.est]", 503, problem);
        }
    }

    private string Source() => configuration.TrustedCerts is { } ids ? $"trusted_certs ({ids.Position})" : "the trust bundle";
}
