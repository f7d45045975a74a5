using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Paths;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Est;

/// <summary>Where an issued certificate came from and what else was asked for; for messages and notes.</summary>
public sealed record IssuedFrom
{
    /// <summary>The label's base URL.</summary>
    public required Uri Url { get; init; }

    /// <summary>The credential that was shown.</summary>
    public required string Credential { get; init; }

    /// <summary>What the certificate is for, such as <c>device-ca</c>; empty for none.</summary>
    public string CertificateId { get; init; } = "";

    /// <summary>The SAN that was asked for; null for none.</summary>
    public X509Extension? AlternativeNames { get; init; }
}

/// <summary>A certificate is taken only if it is ours and good: item 17 of the checklist in this library's README.</summary>
public static class IssuedCertificateCheck
{
    /// <param name="certificates">What the server sent, in any order.</param>
    /// <param name="expectedSpki">DER SubjectPublicKeyInfo of the request.</param>
    /// <param name="requestedSubject">Null when it does not matter.</param>
    /// <param name="caWanted">Whether a CA certificate was asked for.</param>
    /// <param name="anchors">Trust anchors.</param>
    /// <param name="caCertificates">The label's <c>/cacerts</c>: trusted for what this label issues, as the anchors are.</param>
    /// <param name="clock">Judges the validity.</param>
    /// <exception cref="ProblemException">
    /// <c>est_wrong_key</c>, <c>est_expired</c>, <c>est_not_yet_valid</c>, <c>est_not_ca</c>, <c>est_is_ca</c>, <c>est_chain</c>. Another subject or SAN than asked
    /// for is a note, no error: servers may override them.
    /// </exception>
    public static IssuedChain Verify(X509Certificate2Collection certificates, ReadOnlySpan<byte> expectedSpki, X500DistinguishedName? requestedSubject,
        bool caWanted, X509Certificate2Collection anchors, X509Certificate2Collection caCertificates, BelievedClock clock, IssuedFrom? from = null)
    {
        var report = new IssuedProblems(from);
        var leaf = FindOurs(certificates, expectedSpki) ?? throw report.WrongKey(certificates);
        JudgeValidity(leaf, clock, report);
        JudgeKind(leaf, caWanted, report);

        X509Certificate2Collection trusted = [.. anchors, .. caCertificates];
        var path = CertificatePath.Build(leaf, trusted, [.. certificates, .. trusted], clock);
        if (path.Failure is { } failure) throw report.Chain(leaf, failure, trusted, clock);
        if (path.Certificates.Count < 2) throw report.SelfIssued(leaf);
        if (caWanted && TooNarrow(path.Certificates) is { } narrow) throw report.NothingBelow(leaf, narrow);

        var anchor = path.Certificates[^1];
        var chain = new List<X509Certificate2>(path.Certificates);
        // An anchor that is not self-signed is an intermediate to others.
        if (IsSelfIssued(anchor)) chain.RemoveAt(chain.Count - 1);
        return new IssuedChain(chain, anchor, IssuedNotes.Compare(leaf, requestedSubject, from?.AlternativeNames));
    }

    /// <summary>The newest one with our key: a server may send the old certificate along.</summary>
    private static X509Certificate2? FindOurs(X509Certificate2Collection certificates, ReadOnlySpan<byte> spki)
    {
        X509Certificate2? ours = null;
        foreach (var certificate in certificates)
        {
            if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(spki)) continue;
            if (ours is null || certificate.NotBefore > ours.NotBefore) ours = certificate;
        }

        return ours;
    }

    private static void JudgeValidity(X509Certificate2 leaf, BelievedClock clock, IssuedProblems report)
    {
        var (start, end) = (leaf.NotBefore.ToUniversalTime(), leaf.NotAfter.ToUniversalTime());
        // What had ended by the floor has surely ended; that something has not started is judged only by a believed clock.
        if (end <= clock.Now.UtcDateTime || end <= start) throw report.Expired(leaf, clock);
        if (clock.IsBelieved && start > (clock.Now + CertificatePath.Tolerance).UtcDateTime) throw report.NotYetValid(leaf, clock);
    }

    private static void JudgeKind(X509Certificate2 leaf, bool caWanted, IssuedProblems report)
    {
        var isCa = false;
        var maySign = true;
        foreach (var extension in leaf.Extensions)
        {
            if (extension is X509BasicConstraintsExtension constraints) isCa = constraints.CertificateAuthority;
            if (extension is X509KeyUsageExtension usage) maySign = usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign);
        }

        if (caWanted && !(isCa && maySign)) throw report.NotCa(leaf, isCa);
        if (!caWanted && isCa) throw report.IsCa(leaf);
    }

    /// <summary>
    /// A path length may allow our CA at the end of a path, and nothing under it (RFC 5280 section 4.2.1.9): it would be a CA of no use.
    /// </summary>
    private static X509Certificate2? TooNarrow(IReadOnlyList<X509Certificate2> path)
    {
        for (var below = 1; below < path.Count; below++)
        {
            foreach (var extension in path[below].Extensions)
            {
                if (extension is X509BasicConstraintsExtension { HasPathLengthConstraint: true } constraints && constraints.PathLengthConstraint < below)
                {
                    return path[below];
                }
            }
        }

        return null;
    }

    private static bool IsSelfIssued(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
