using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Store;
using EstProv.Est;
using EstProv.Est.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// Roots that EST servers have told of in their cacerts, each server's kept apart. One is added only with a signature of a root that is trusted already
/// (NewWithOld), is trusted for as long as that one is, and goes when it has expired. Nothing that a server sends removes anything.
/// </summary>
internal sealed class LearntAnchors(AnchorStore store, BelievedClock clock, CertificateEvents events, Random random)
{
    private const int MostAnchors = 8;

    /// <summary>So long before the first root ends, at most, the server is asked for its successor.</summary>
    private static readonly TimeSpan LongestNotice = TimeSpan.FromDays(180);

    /// <summary>Between two questions: a tenth of what is left, within these.</summary>
    private static readonly TimeSpan ShortestGap = TimeSpan.FromDays(1), LongestGap = TimeSpan.FromDays(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private Dictionary<string, OriginAnchors>? _origins;

    public static string OriginOf(Uri url) => url.GetLeftPart(UriPartial.Authority);

    /// <summary>Whether this server was verified before.</summary>
    public bool Knows(Uri url)
    {
        lock (_gate) return Origins().ContainsKey(OriginOf(url));
    }

    /// <summary>What was learnt from this server and has not expired. Whether it is trusted, <see cref="WithLineage"/> says.</summary>
    public IReadOnlyList<LearntAnchor> Of(Uri url)
    {
        lock (_gate) return Origins().TryGetValue(OriginOf(url), out var known) ? Living(known) : [];
    }

    /// <summary>Another one as soon as anything is another; empty for none.</summary>
    public static string FingerprintOf(IReadOnlyList<LearntAnchor> learnt)
    {
        if (learnt.Count == 0) return "";
        var all = "";
        foreach (var anchor in learnt) all += anchor.BySpki + anchor.Pem;
        return ContentHash.Of(System.Text.Encoding.ASCII.GetBytes(all));
    }

    /// <summary>Those with a lineage, as certificates. What is distrusted is not trusted, and vouches for nobody.</summary>
    /// <exception cref="CryptographicException">One is no certificate.</exception>
    public static X509Certificate2Collection Trusted(IReadOnlyList<LearntAnchor> learnt, X509Certificate2Collection anchors, Func<X509Certificate2, bool>? isDistrusted)
    {
        var good = new List<LearntAnchor>(learnt.Count);
        foreach (var anchor in learnt)
        {
            if (isDistrusted is null || !isDistrusted(PemText.Parse(anchor.Pem)[0])) good.Add(anchor);
        }

        var trusted = new X509Certificate2Collection();
        foreach (var anchor in WithLineage(good, anchors)) trusted.AddRange(PemText.Parse(anchor.Pem));
        return trusted;
    }

    /// <summary>Those that one of these anchors vouches for, or one that is vouched for itself.</summary>
    public static List<LearntAnchor> WithLineage(IReadOnlyList<LearntAnchor> learnt, X509Certificate2Collection anchors)
    {
        var trusted = new List<LearntAnchor>();
        if (learnt.Count == 0) return trusted;
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var anchor in anchors) keys.Add(CertificateFacts.SpkiOf(anchor));
        for (var again = true; again;)
        {
            again = false;
            foreach (var anchor in learnt)
            {
                if (trusted.Contains(anchor) || !keys.Contains(anchor.BySpki)) continue;
                trusted.Add(anchor);
                keys.Add(anchor.Spki);
                again = true;
            }
        }

        return trusted;
    }

    /// <summary>Learns from a server's cacerts.</summary>
    /// <param name="anchors">What is trusted there now.</param>
    public void Take(Uri url, X509Certificate2Collection caCertificates, AnchorSet anchors)
    {
        var origin = OriginOf(url);
        var found = RootRollover.Find(caCertificates, anchors.Certificates, anchors.DeviceCaIssuers, clock, out var refused);
        var (added, dropped) = (new List<LearntAnchor>(), new List<LearntAnchor>());
        lock (_gate)
        {
            _asked[origin] = clock.Now;
            foreach (var reason in refused)
            {
                if (_told.Add(reason)) events.Note(origin, reason);
            }

            var before = Origins().GetValueOrDefault(origin) ?? new OriginAnchors { Origin = origin };
            var after = new List<LearntAnchor>(Living(before));
            foreach (var anchor in before.Anchors)
            {
                if (!after.Contains(anchor)) dropped.Add(anchor);
            }

            foreach (var root in found)
            {
                var anchor = Describe(root, url);
                // Another thread may have been told at the same time.
                if (after.Exists(known => known.Pem == anchor.Pem && known.BySpki == anchor.BySpki)) continue;
                after.RemoveAll(known => known.Pem == anchor.Pem);
                if (after.Count < MostAnchors)
                {
                    after.Add(anchor);
                    added.Add(anchor);
                }
                else if (_told.Add(anchor.Spki))
                {
                    events.Note(origin, $"its new root '{anchor.Subject}' is not taken: {MostAnchors} were learnt already");
                }
            }

            var state = Schedule(before with { Anchors = after }, FirstEnd([.. anchors.Certificates, .. caCertificates]));
            if (state == before || (added.Count == 0 && dropped.Count == 0 && state.FirstEnd == before.FirstEnd)) return;
            _origins![origin] = state;
            Keep(state);
        }

        foreach (var anchor in added) events.AnchorLearnt(origin, anchor);
        foreach (var anchor in dropped) events.AnchorDropped(origin, anchor);
    }

    /// <summary>The servers, of these, that are to be asked for new roots, since one that is trusted ends before long.</summary>
    public List<string> Due(IEnumerable<Uri> urls)
    {
        var due = new List<string>();
        lock (_gate)
        {
            foreach (var url in urls)
            {
                var origin = OriginOf(url);
                if (due.Contains(origin) || !Origins().TryGetValue(origin, out var known) || !IsEnding(known)) continue;
                if (!_asked.TryGetValue(origin, out var at) || (clock.Now - at).Duration() >= Gap(known)) due.Add(origin);
            }
        }

        return due;
    }

    /// <summary>The server is being asked, with whatever success.</summary>
    public void MarkAsked(string origin)
    {
        lock (_gate) _asked[origin] = clock.Now;
    }

    /// <summary>
    /// Roots that those in a bundle vouch for: who verifies by the bundle goes on when a server's root is replaced. PEM, empty where there are none.
    /// </summary>
    public string AdditionsTo(string bundle)
    {
        List<LearntAnchor> all = [];
        lock (_gate)
        {
            foreach (var origin in Origins().Values) all.AddRange(Living(origin));
        }

        if (all.Count == 0) return "";
        try
        {
            var pem = "";
            var present = PemText.Split(bundle);
            foreach (var anchor in WithLineage(all, PemText.Parse(bundle)))
            {
                if (present.Contains(anchor.Pem)) continue;
                present.Add(anchor.Pem);
                pem += anchor.Pem;
            }

            return pem;
        }
        catch (CryptographicException)
        {
            // Who reads the bundle will find out what is wrong in it.
            return "";
        }
    }

    private bool IsEnding(OriginAnchors origin) => origin.AskFrom is { } from && clock.IsBelieved && clock.Now >= from;

    private TimeSpan Gap(OriginAnchors origin)
    {
        var gap = ((origin.FirstEnd ?? clock.Now) - clock.Now) / 10;
        return gap < ShortestGap ? ShortestGap : gap > LongestGap ? LongestGap : gap;
    }

    private Dictionary<string, OriginAnchors> Origins()
    {
        if (_origins is not null) return _origins;
        _origins = new(StringComparer.Ordinal);
        foreach (var origin in store.Load()) _origins[origin.Origin] = origin;
        return _origins;
    }

    private List<LearntAnchor> Living(OriginAnchors origin)
    {
        var living = new List<LearntAnchor>(origin.Anchors.Count);
        foreach (var anchor in origin.Anchors)
        {
            if (!clock.IsBelieved || anchor.NotAfter > clock.Now) living.Add(anchor);
        }

        return living;
    }

    private LearntAnchor Describe(NewRoot root, Uri url) => new()
    {
        Subject = PeerText.Clean(root.Root.Subject),
        Spki = CertificateFacts.SpkiOf(root.Root),
        NotAfter = new DateTimeOffset(root.Root.NotAfter.ToUniversalTime()),
        LearntAt = clock.Now,
        From = url.ToString(),
        By = PeerText.Clean(root.By.Subject),
        BySpki = CertificateFacts.SpkiOf(root.By),
        Pem = PemText.Of([root.Root]),
    };

    private DateTimeOffset? FirstEnd(X509Certificate2Collection certificates)
    {
        DateTimeOffset? first = null;
        foreach (var certificate in certificates)
        {
            var end = new DateTimeOffset(certificate.NotAfter.ToUniversalTime());
            if (end > clock.Now && (first is null || end < first)) first = end;
        }

        return first;
    }

    /// <summary>Each device at a time of its own, since all of a fleet see the same end.</summary>
    private OriginAnchors Schedule(OriginAnchors origin, DateTimeOffset? firstEnd)
    {
        // A server's labels may have other CAs each: the first of all counts, until it has ended.
        if (origin.FirstEnd is { } known && known > clock.Now && !(firstEnd < known)) return origin;
        if (firstEnd is not { } end) return origin with { FirstEnd = null, AskFrom = null };
        var notice = (end - clock.Now) / 4;
        if (notice > LongestNotice) notice = LongestNotice;
        return origin with { FirstEnd = end, AskFrom = end - (notice * (0.5 + (random.NextDouble() / 2))) };
    }

    private void Keep(OriginAnchors state)
    {
        try
        {
            store.Write(state);
        }
        catch (ProblemException problem)
        {
            // It counts until the process ends, and is learnt again after that.
            events.Note(state.Origin, $"what was learnt of its roots cannot be kept: {problem.ToLogText()}");
        }
    }
}
