using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Rations the bootstrap identity: ten uses at once, one more every five minutes. It is the one secret that a device cannot renew, and a server that
/// makes us use it over and over is up to no good.
/// </summary>
internal sealed class BootstrapGuard(TimeProvider time)
{
    private const int Most = 10;

    private static readonly TimeSpan Refill = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private double _left = Most;
    private long _since = time.GetTimestamp();

    /// <exception cref="ProblemException"><c>bootstrap_rate</c>, with how long to wait.</exception>
    public void Take()
    {
        lock (_gate)
        {
            _left = Math.Min(Most, _left + time.GetElapsedTime(_since) / Refill);
            _since = time.GetTimestamp();
            if (_left < 1)
            {
                throw new ProblemException("bootstrap_rate",
                    $"the bootstrap identity was used {Most} times in a short time; now it is used once in {Refill.TotalMinutes:0} minutes",
                    "the log says what came of each use (journalctl -u estprov-certd); it is tried again by itself", 503)
                {
                    RetryAfter = (1 - _left) * Refill,
                };
            }

            _left--;
        }
    }
}
