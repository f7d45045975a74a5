using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>
/// The handles that callers get: keyd's own, floating, so that they outlive a renewal; worth nothing to a caller without the right to the key.
/// </summary>
/// <param name="ask">The current handle of a key id (<c>GET /keypair/{id}</c>).</param>
internal sealed class KeyHandles(Func<string, string> ask)
{
    private readonly Lock _gate = new();
    private string? _keyId;
    private string? _handle;

    /// <exception cref="ProblemException">keyd's; while it cannot be reached, what it said last is given.</exception>
    public string HandleOf(string keyId)
    {
        try
        {
            var handle = ask(keyId);
            lock (_gate) (_keyId, _handle) = (keyId, handle);
            return handle;
        }
        catch (ProblemException problem) when (problem.Code == "keyd_unreachable")
        {
            lock (_gate)
            {
                if (_keyId == keyId && _handle is { } known) return known;
            }

            throw;
        }
    }
}
