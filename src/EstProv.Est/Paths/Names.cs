using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Messages;
using EstProv.Platform.Time;

namespace EstProv.Est.Paths;

/// <summary>How messages name certificates and times.</summary>
internal static class Names
{
    private const int MostAnchors = 5;

    public static string Subject(X509Certificate2 certificate) => Name(certificate.SubjectName);

    public static string Issuer(X509Certificate2 certificate) => Name(certificate.IssuerName);

    public static string Name(X500DistinguishedName name) => name.RawData.Length <= 2 ? "(empty name)" : PeerText.Clean(name.Name);

    public static string Date(DateTime time) => Date(new DateTimeOffset(time.ToUniversalTime()));

    public static string Date(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'");

    /// <summary>Our clock and whether it is believed: a wrong clock is the first suspect when dates do not fit.</summary>
    public static string Clock(BelievedClock clock) => clock.IsBelieved
        ? $"our clock says {Date(clock.TimeProvider.GetUtcNow())}"
        : $"our clock says {Date(clock.TimeProvider.GetUtcNow())} and is not believed, it is at least {Date(clock.Floor)}";

    public static string Anchors(X509Certificate2Collection anchors)
    {
        if (anchors.Count == 0) return "none";
        var names = new List<string>();
        for (var i = 0; i < anchors.Count; i++)
        {
            // What is configured comes with the server's /cacerts, too; another certificate of the same name is another one.
            if (IsBefore(anchors, i)) continue;
            var name = $"'{Subject(anchors[i])}'";
            names.Add(names.Contains(name) ? $"another {name}" : name);
        }

        if (names.Count > MostAnchors)
        {
            var more = names.Count - MostAnchors;
            names.RemoveRange(MostAnchors, more);
            names.Add($"{more} more");
        }

        return string.Join(", ", names);
    }

    private static bool IsBefore(X509Certificate2Collection all, int index)
    {
        for (var i = 0; i < index; i++)
        {
            if (all[i].RawDataMemory.Span.SequenceEqual(all[index].RawDataMemory.Span)) return true;
        }

        return false;
    }

    /// <summary>The names of SAN (DNS, IP), else the common name.</summary>
    public static string Hosts(X509Certificate2 certificate)
    {
        var names = new List<string>();
        foreach (var extension in certificate.Extensions)
        {
            if (extension is not X509SubjectAlternativeNameExtension alternative) continue;
            names.AddRange(alternative.EnumerateDnsNames());
            foreach (var address in alternative.EnumerateIPAddresses()) names.Add(address.ToString());
        }

        if (names.Count > 0) return PeerText.Clean(string.Join(", ", names));
        return $"{Subject(certificate)} (no host name besides)";
    }
}
