using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Messages;

/// <summary>PKCS#7 certificates are a SET, so a server's order says nothing.</summary>
internal static class LeafFirst
{
    /// <summary>The certificate that issued no other comes first, then its issuer, and so on; what does not belong to the path follows.</summary>
    public static X509Certificate2Collection Order(X509Certificate2Collection certificates)
    {
        var rest = new List<X509Certificate2>(certificates);
        var ordered = new X509Certificate2Collection();
        var next = rest.Find(candidate => !rest.Exists(other => other != candidate && IsIssuer(candidate, other)));
        while (next is not null)
        {
            ordered.Add(next);
            rest.Remove(next);
            var last = next;
            next = rest.Find(candidate => IsIssuer(candidate, last));
        }

        foreach (var certificate in rest) ordered.Add(certificate);
        return ordered;
    }

    private static bool IsIssuer(X509Certificate2 issuer, X509Certificate2 subject) =>
        issuer.SubjectName.RawData.AsSpan().SequenceEqual(subject.IssuerName.RawData);
}
