using EstProv.Identity.Provisioning;
using EstProv.Keys.Tls;

namespace EstProv.Identity.Dps;

/// <summary>
/// TLS clients through the OpenSSL provider. Two keys stay open, since a renewal may try the new one and the old one in turn; the one
/// before them is closed.
/// </summary>
internal sealed class ProviderIdentities(ProviderKeys keys)
{
    private readonly Lock _gate = new();
    private string _last = "";
    private string _before = "";

    /// <exception cref="Platform.ProblemException">The Key Service's or the OpenSSL provider's.</exception>
    public OpenedIdentity Open(DeviceCredential credential)
    {
        var identity = keys.Open(credential.KeyHandle, credential.Chain);
        lock (_gate)
        {
            if (identity.KeyHandle != _last)
            {
                if (identity.KeyHandle != _before) keys.Forget(_before);
                (_last, _before) = (identity.KeyHandle, _last);
            }
        }

        return new OpenedIdentity(identity.Context, identity);
    }
}
