using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Service;

/// <summary>The stores of this device: new keys go to the first; keys that an earlier configuration put elsewhere stay usable.</summary>
internal sealed class KeyStores(params IKeyStore[] stores) : IDisposable
{
    public IKeyStore Primary => stores[0];

    /// <summary>In the order in which they are asked.</summary>
    public IReadOnlyList<IKeyStore> All => stores;

    /// <exception cref="ProblemException"><c>token_not_configured</c>.</exception>
    public IKeyStore Get(string name, string keyId)
    {
        foreach (var store in stores)
        {
            if (store.Name == name) return store;
        }

        throw new ProblemException("token_not_configured", $"key '{keyId}' is in a token (store '{name}'), and the configuration has none",
            "put the [pkcs11] table back into the configuration", 503);
    }

    public bool Has(string name)
    {
        foreach (var store in stores)
        {
            if (store.Name == name) return true;
        }

        return false;
    }

    public void Dispose()
    {
        foreach (var store in stores) store.Dispose();
    }
}
