using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Keys.Pkcs11;

/// <summary>Who waits for the tokens now, and what failed there since the start.</summary>
internal sealed class TokenCounts
{
    private readonly Dictionary<string, long> _errors = new(StringComparer.Ordinal); // guarded by itself
    private int _waiting;

    public void BeginWait() => Interlocked.Increment(ref _waiting);

    public void EndWait() => Interlocked.Decrement(ref _waiting);

    /// <summary>Counts a problem that is about to be told to whoever asked.</summary>
    /// <returns>The same.</returns>
    public ProblemException Failed(ProblemException problem)
    {
        lock (_errors) _errors[problem.Code] = _errors.GetValueOrDefault(problem.Code) + 1;
        return problem;
    }

    public void Write(MetricsText metrics)
    {
        metrics.Gauge("estprov_token_waiting", Volatile.Read(ref _waiting)).Begin("estprov_token_errors_total", "counter");
        lock (_errors)
        {
            foreach (var (code, count) in _errors) metrics.Of("code", code, count);
        }
    }
}
