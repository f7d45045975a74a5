using EstProv.Keys.Client;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Sas;

/// <summary>
/// Tokens for one resource, signed by a symmetric key in the Key Service and ending by the believed clock. One is made and shown again
/// until half its life is over; one that the other side's clock has outrun is made anew by that clock.
/// </summary>
/// <param name="resource">As <see cref="SasToken.Make"/> takes it.</param>
/// <param name="keyName"><c>skn</c>; null for none.</param>
internal sealed class ResourceToken(string resource, string keyId, string? keyName, SymmetricKeyClient keys, BelievedClock clock)
{
    /// <summary>Long enough for a registration and for clocks that differ a little, too short to be of use to who finds one.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    private volatile Made? _made;

    private sealed record Made(string Text, DateTimeOffset Expiry);

    /// <summary>The value of <c>Authorization</c>. Never to be shown.</summary>
    /// <exception cref="ProblemException">The Key Service's.</exception>
    public async Task<string> GetAsync(CancellationToken cancel)
    {
        var now = clock.Now;
        // A clock that was set back must not keep a token that is valid for years.
        if (_made is { } made && made.Expiry - now is var left && left > Life / 2 && left <= Life) return made.Text;
        var expiry = now + Life;
        // keyd's answer is waited for by a thread that nobody else needs.
        var text = await Task.Run(() => SasToken.Make(resource, expiry, message => keys.HmacSha256(keys.Load(keyId), message), keyName),
            cancel);
        _made = new Made(text, expiry);
        return text;
    }

    /// <summary>
    /// Whether the token was refused for the clock it was made by: the answer's Date is behind its end, and the clock, which has been told,
    /// has moved there. The next one is then made by that clock.
    /// </summary>
    public bool IsOutrun(DateTimeOffset? told) => told is { } time && _made is { } made && time >= made.Expiry && clock.Now + Life > time;
}
