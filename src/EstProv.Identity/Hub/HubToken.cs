using EstProv.Identity.Sas;
using EstProv.Keys.Client;
using EstProv.Platform.Time;

namespace EstProv.Identity.Hub;

/// <summary>The device's SAS token for its hub, signed by the Key Service and used until shortly before its end.</summary>
internal sealed class HubToken(HubDevice device, string keyId, SymmetricKeyClient keys, BelievedClock clock)
{
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);

    // The hub's clock may be ahead.
    private static readonly TimeSpan Reserve = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private string? _token;
    private DateTimeOffset _expiry;

    /// <exception cref="Platform.ProblemException">The Key Service's.</exception>
    public string Get()
    {
        lock (_gate)
        {
            var now = clock.Now;
            // A clock that was set back must not keep a token that is valid for years.
            if (_token is null || _expiry - now < Reserve || _expiry - now > Life)
            {
                var handle = keys.Load(keyId);
                _expiry = now + Life;
                _token = SasToken.Make(device.Resource, _expiry, message => keys.HmacSha256(handle, message));
            }

            return _token;
        }
    }
}
