using System.Globalization;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Store;

/// <summary>A root that an EST server's cacerts brought and an older root vouches for.</summary>
internal sealed record LearntAnchor
{
    public required string Subject { get; init; }

    /// <summary>SHA-256 of its public key (SubjectPublicKeyInfo), base64url.</summary>
    public required string Spki { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    public required DateTimeOffset LearntAt { get; init; }

    /// <summary>The URL whose cacerts it came from.</summary>
    public required string From { get; init; }

    /// <summary>The root that vouches for it, and its <see cref="Spki"/>: while that one is trusted, this one is.</summary>
    public required string By { get; init; }

    public required string BySpki { get; init; }

    public required string Pem { get; init; }
}

/// <summary>What was learnt from one server: <c>HOMEDIR/anchors/ORIGIN.anchors</c>.</summary>
internal sealed record OriginAnchors
{
    /// <summary>Such as <c>https://est.example:8443</c>.</summary>
    public required string Origin { get; init; }

    public IReadOnlyList<LearntAnchor> Anchors { get; init; } = [];

    /// <summary>When the first of the roots ends that this server's path may lead to, learnt or not; null when none does.</summary>
    public DateTimeOffset? FirstEnd { get; init; }

    /// <summary>From when on the server is asked for new roots, even if nothing else is asked of it: some time before <see cref="FirstEnd"/>.</summary>
    public DateTimeOffset? AskFrom { get; init; }

    public byte[] ToFile()
    {
        var headers = new List<KeyValuePair<string, string?>>
        {
            new("Origin", Origin),
            new("First-End", FirstEnd is { } end ? Utc.Format(end) : null),
            new("Ask-From", AskFrom is { } from ? Utc.Format(from) : null),
            new("Anchors", Anchors.Count.ToString(CultureInfo.InvariantCulture)),
        };
        var pem = "";
        for (var i = 0; i < Anchors.Count; i++)
        {
            var (anchor, name) = (Anchors[i], Prefix(i));
            headers.Add(new(name + "Subject", anchor.Subject));
            headers.Add(new(name + "Spki", anchor.Spki));
            headers.Add(new(name + "Not-After", Utc.Format(anchor.NotAfter)));
            headers.Add(new(name + "Learnt-At", Utc.Format(anchor.LearntAt)));
            headers.Add(new(name + "From", anchor.From));
            headers.Add(new(name + "By", anchor.By));
            headers.Add(new(name + "By-Spki", anchor.BySpki));
            pem += anchor.Pem;
        }

        return HeaderedPem.Write(headers, pem);
    }

    /// <exception cref="ProblemException"><c>store_damaged</c>.</exception>
    public static OriginAnchors FromFile(string path, string text)
    {
        var (headers, pem) = HeaderedPem.Read(path, text);
        string Need(string name) => headers.TryGetValue(name, out var value) ? value : throw HeaderedPem.Damaged(path);
        DateTimeOffset Time(string name) => Utc.Parse(Need(name)) ?? throw HeaderedPem.Damaged(path);

        var blocks = PemText.Split(pem);
        if (!int.TryParse(Need("Anchors"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count != blocks.Count) throw HeaderedPem.Damaged(path);
        var anchors = new List<LearntAnchor>();
        for (var i = 0; i < count; i++)
        {
            var name = Prefix(i);
            anchors.Add(new LearntAnchor
            {
                Subject = Need(name + "Subject"),
                Spki = Need(name + "Spki"),
                NotAfter = Time(name + "Not-After"),
                LearntAt = Time(name + "Learnt-At"),
                From = Need(name + "From"),
                By = Need(name + "By"),
                BySpki = Need(name + "By-Spki"),
                Pem = blocks[i],
            });
        }

        return new OriginAnchors
        {
            Origin = Need("Origin"),
            Anchors = anchors,
            FirstEnd = Utc.Parse(headers.GetValueOrDefault("First-End")),
            AskFrom = Utc.Parse(headers.GetValueOrDefault("Ask-From")),
        };
    }

    private static string Prefix(int index) => $"Anchor-{(index + 1).ToString(CultureInfo.InvariantCulture)}-";
}
