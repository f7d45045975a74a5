using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// The handles that callers get: keyd's own, which outlive renewals and restarts; worth nothing to a caller without the right to the key.
/// One that keyd has given is given again for a while without asking, and while keyd cannot be reached.
/// </summary>
internal sealed class KeyHandles(TimeProvider time)
{
    /// <summary>A handle goes bad only when keyd's state is made anew; so long may callers not notice.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private const int MostKept = 128;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);

    private sealed record Known(string Handle, long At);

    /// <param name="name">What tells this key from the others.</param>
    /// <param name="ask">Asks keyd for the handle, by <paramref name="name"/>.</param>
    /// <exception cref="ProblemException">keyd's.</exception>
    public string Get(string name, Func<string, string> ask) => Get(name, name, ask);

    /// <inheritdoc cref="Get(string, Func{string, string})"/>
    /// <param name="argument">What <paramref name="ask"/> needs.</param>
    public string Get<T>(string name, T argument, Func<T, string> ask)
    {
        Known? known;
        lock (_gate) _known.TryGetValue(name, out known);
        if (known is not null && time.GetElapsedTime(known.At) < Fresh) return known.Handle;
        try
        {
            var handle = ask(argument);
            lock (_gate)
            {
                if (_known.Count >= MostKept) _known.Clear();
                // The same object as before, where it is the same text: what was made of it holds.
                _known[name] = new Known(known?.Handle == handle ? known.Handle : handle, time.GetTimestamp());
            }

            return known?.Handle == handle ? known.Handle : handle;
        }
        catch (ProblemException problem) when (problem.Code == "keyd_unreachable" && known is not null)
        {
            return known.Handle;
        }
    }
}
