using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform.Time;

namespace EstProv.Est.Paths;

/// <summary>
/// Certification paths (RFC 5280 section 6) by X509Chain with anchors of our own, never fetching anything from the network, and judged by
/// the believed clock.
/// </summary>
internal static class CertificatePath
{
    /// <summary>How much later than our clock a certificate may start: clocks differ.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <param name="leaf">Where the path starts.</param>
    /// <param name="anchors">Where it may end.</param>
    /// <param name="extra">What it may run through.</param>
    /// <param name="clock">
    /// Judges validity. While the wall clock is not believed, the path is judged at the earliest time, not before the floor, at which all
    /// its certificates have started: what has ended by then has surely ended, what has not started yet says nothing.
    /// </param>
    /// <param name="usage">Extended key usage that the leaf must allow; null for any.</param>
    public static PathResult Build(X509Certificate2 leaf, X509Certificate2Collection anchors, X509Certificate2Collection extra, BelievedClock clock,
        string? usage = null)
    {
        using var request = new PathRequest(leaf, anchors, extra, usage, X509ChainTrustMode.CustomRootTrust);
        return Judge(request, clock);
    }

    /// <summary>The same with the system's store as anchors.</summary>
    public static PathResult BuildWithSystemTrust(X509Certificate2 leaf, X509Certificate2Collection extra, BelievedClock clock, string? usage = null)
    {
        using var request = new PathRequest(leaf, [], extra, usage, X509ChainTrustMode.System);
        return Judge(request, clock);
    }

    private static PathResult Judge(PathRequest request, BelievedClock clock)
    {
        var now = clock.Now;
        var result = request.Build(now);
        if (result.Failure is not { Kind: PathFailureKind.NotYetValid }) return result;

        var started = now;
        foreach (var certificate in result.Certificates)
        {
            var start = new DateTimeOffset(certificate.NotBefore.ToUniversalTime());
            if (start > started) started = start;
        }

        return clock.IsBelieved && started > now + Tolerance ? result : request.Build(started);
    }

    private sealed class PathRequest(X509Certificate2 leaf, X509Certificate2Collection anchors, X509Certificate2Collection extra, string? usage,
        X509ChainTrustMode trust) : IDisposable
    {
        private X509Chain? _chain;

        public PathResult Build(DateTimeOffset at)
        {
            _chain?.Dispose();
            _chain = new X509Chain();
            var policy = _chain.ChainPolicy;
            policy.TrustMode = trust;
            policy.RevocationMode = X509RevocationMode.NoCheck;
            policy.DisableCertificateDownloads = true;
            policy.VerificationTime = at.UtcDateTime;
            if (usage is not null) policy.ApplicationPolicy.Add(new Oid(usage));
            if (trust == X509ChainTrustMode.CustomRootTrust) policy.CustomTrustStore.AddRange(anchors);
            policy.ExtraStore.AddRange(extra);
            _chain.Build(leaf);
            return PathResult.Read(_chain, leaf, anchors, at);
        }

        public void Dispose() => _chain?.Dispose();
    }
}
