namespace EstProv.Certificates.Engine;

/// <summary>How an attempt at a certificate ended.</summary>
internal enum AttemptResult
{
    Issued,

    /// <summary>The server asks for patience (202).</summary>
    Pending,

    Failed,

    /// <summary>What was issued did not come into use.</summary>
    Dropped,
}

/// <summary>What came of the attempts at one certificate since the start: of those at a first one, and of renewals apart.</summary>
internal sealed class AttemptCounts
{
    /// <summary>As metrics call them, in the order of <see cref="AttemptResult"/>.</summary>
    public static readonly string[] Results = ["issued", "pending", "failed", "dropped"];

    private readonly long[] _first = new long[4];
    private readonly long[] _renewals = new long[4];

    public void Count(AttemptResult result, bool isRenewal) => Interlocked.Increment(ref (isRenewal ? _renewals : _first)[(int)result]);

    public long Of(int result, bool renewals) => Interlocked.Read(ref (renewals ? _renewals : _first)[result]);
}
