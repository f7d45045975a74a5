using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Paths;
using EstProv.Platform.Time;

namespace EstProv.Est;

/// <summary>A root that one of the anchors vouches for.</summary>
/// <param name="Root">NewWithNew.</param>
/// <param name="By">The anchor whose key has signed the new root's key (NewWithOld).</param>
public sealed record NewRoot(X509Certificate2 Root, X509Certificate2 By);

/// <summary>
/// Root rollover (RFC 7030 section 4.1.3, RFC 4210 section 4.4): a server's <c>/cacerts</c> brings a new root as NewWithNew, and NewWithOld, the
/// new root's name and key signed by the old root. OldWithNew is for those who know the new root only; OldWithOld is the anchor itself.
/// </summary>
public static class RootRollover
{
    /// <summary>Roots in one answer, new ones that vouch for newer ones included.</summary>
    private const int MostRoots = 4;

    /// <param name="caCertificates">What the server sent; nothing in it is believed without a signature of an anchor.</param>
    /// <param name="anchors">What is trusted already.</param>
    /// <param name="deviceCaIssuers">
    /// Anchors that sign device CAs vouch for nobody: a device CA is a CA certificate with their signature, and whoever takes a device has its key.
    /// </param>
    /// <param name="refused">Roots that were not taken although somebody signed them, and why; for the log.</param>
    public static IReadOnlyList<NewRoot> Find(X509Certificate2Collection caCertificates, X509Certificate2Collection anchors,
        X509Certificate2Collection deviceCaIssuers, BelievedClock clock, out IReadOnlyList<string> refused)
    {
        var found = new List<NewRoot>();
        var reasons = new List<string>();
        X509Certificate2Collection trusted = [.. anchors];
        for (var again = true; again && found.Count < MostRoots;)
        {
            again = false;
            foreach (var candidate in caCertificates)
            {
                if (found.Count == MostRoots || trusted.Contains(candidate) || !IsRoot(candidate, clock)) continue;
                if (Voucher(candidate, caCertificates, trusted, deviceCaIssuers, clock, reasons) is not { } by) continue;
                found.Add(new NewRoot(candidate, by));
                trusted.Add(candidate);
                again = true;
            }
        }

        refused = reasons;
        return found;
    }

    /// <summary>Cross certificates have served when the root that they are about is there itself; paths must not go round through them.</summary>
    public static X509Certificate2Collection WithoutCrossCertificates(X509Certificate2Collection caCertificates, X509Certificate2Collection anchors)
    {
        var kept = new X509Certificate2Collection();
        foreach (var certificate in caCertificates)
        {
            if (IsSelfSigned(certificate) || !(HasTwin(certificate, caCertificates) || HasTwin(certificate, anchors))) kept.Add(certificate);
        }

        return kept;
    }

    private static X509Certificate2? Voucher(X509Certificate2 root, X509Certificate2Collection caCertificates, X509Certificate2Collection trusted,
        X509Certificate2Collection deviceCaIssuers, BelievedClock clock, List<string> reasons)
    {
        foreach (var anchor in trusted)
        {
            // The same root again, with a longer life.
            if (SameNameAndKey(root, anchor)) return anchor;
            foreach (var cross in caCertificates)
            {
                if (IsSelfSigned(cross) || !SameNameAndKey(cross, root) || !IsSignedBy(cross, anchor, clock)) continue;
                if (HasKeyOf(anchor, deviceCaIssuers))
                {
                    Add(reasons, $"the new root '{Names.Subject(root)}' is not taken: '{Names.Subject(anchor)}', which has signed it, signs device CAs as well");
                }
                else if (!MayIssue(cross))
                {
                    Add(reasons, $"the new root '{Names.Subject(root)}' is not taken: what '{Names.Subject(anchor)}' has signed of it is no CA certificate, "
                        + "or one of path length 0, as device CAs are");
                }
                else
                {
                    return anchor;
                }
            }
        }

        return null;
    }

    /// <summary>Self-signed, rightly so, a CA, and in its time.</summary>
    private static bool IsRoot(X509Certificate2 certificate, BelievedClock clock) =>
        IsSelfSigned(certificate) && IsCa(certificate, out _) && CertificatePath.Build(certificate, [certificate], [], clock).Failure is null
        && SelfSignature.IsRight(certificate);

    private static bool IsSignedBy(X509Certificate2 certificate, X509Certificate2 anchor, BelievedClock clock)
    {
        if (!certificate.IssuerName.RawData.AsSpan().SequenceEqual(anchor.SubjectName.RawData)) return false;
        var path = CertificatePath.Build(certificate, [anchor], [], clock);
        return path.Failure is null && path.Certificates.Count == 2 && path.Certificates[1].Equals(anchor);
    }

    private static bool MayIssue(X509Certificate2 certificate) => IsCa(certificate, out var pathLength) && pathLength != 0;

    private static bool IsCa(X509Certificate2 certificate, out int? pathLength)
    {
        var isCa = false;
        pathLength = null;
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension constraints)
            {
                isCa = constraints.CertificateAuthority;
                pathLength = constraints.HasPathLengthConstraint ? constraints.PathLengthConstraint : null;
            }
            else if (extension is X509KeyUsageExtension usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign))
            {
                return false;
            }
        }

        return isCa;
    }

    /// <summary>
    /// By names and key identifiers: a CA that changes its key may keep its name, so that NewWithOld has one name twice (RFC 4210 section 4.4).
    /// That the signature is right is another question.
    /// </summary>
    private static bool IsSelfSigned(X509Certificate2 certificate)
    {
        if (!certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData)) return false;
        ReadOnlyMemory<byte>? own = null, issuers = null;
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509SubjectKeyIdentifierExtension subject) own = subject.SubjectKeyIdentifierBytes;
            else if (extension is X509AuthorityKeyIdentifierExtension authority) issuers = authority.KeyIdentifier;
        }

        return own is null || issuers is null || own.Value.Span.SequenceEqual(issuers.Value.Span);
    }

    private static bool HasTwin(X509Certificate2 cross, X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
        {
            if (IsSelfSigned(certificate) && SameNameAndKey(cross, certificate)) return true;
        }

        return false;
    }

    private static bool HasKeyOf(X509Certificate2 anchor, X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
        {
            if (SameKey(anchor, certificate)) return true;
        }

        return false;
    }

    private static bool SameNameAndKey(X509Certificate2 one, X509Certificate2 other) =>
        one.SubjectName.RawData.AsSpan().SequenceEqual(other.SubjectName.RawData) && SameKey(one, other);

    private static bool SameKey(X509Certificate2 one, X509Certificate2 other) =>
        one.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(other.PublicKey.ExportSubjectPublicKeyInfo());

    private static void Add(List<string> reasons, string reason)
    {
        if (!reasons.Contains(reason)) reasons.Add(reason);
    }
}
