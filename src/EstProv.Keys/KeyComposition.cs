using EstProv.Configuration.Keyd;
using EstProv.Keys.Files;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Service;
using EstProv.Keys.Stores;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys;

/// <summary>The stores and preloaded keys that a configuration asks for.</summary>
internal sealed class KeyComposition : IDisposable
{
    public KeyComposition(KeydConfiguration configuration, Uris uris, PinMemory pins, string filesFolder, TimeProvider time, ILogger logger)
    {
        var files = new FileKeyStore(filesFolder);
        var preloaded = new Dictionary<string, KeySource>(StringComparer.Ordinal);
        if (configuration.Pkcs11 is { } pkcs11 && uris.BaseSlot is { } baseSlot)
        {
            List<Pkcs11Uri> all = [baseSlot];
            foreach (var (uri, _) in uris.Preloaded.Values) all.Add(uri);
            var connection = Connection = new Pkcs11Connection(pkcs11.LibPath.Value, pins, all, time, logger);
            Token = new Pkcs11KeyStore(connection, baseSlot);
            foreach (var (id, (uri, where)) in uris.Preloaded) preloaded[id] = new Pkcs11KeySource(new TokenLink(connection, uri), where);
            Stores = new KeyStores(Token, files);
            Description = $"{baseSlot} of {pkcs11.LibPath.Value}";
        }
        else
        {
            Stores = new KeyStores(files);
            Description = filesFolder;
        }

        Preloaded = preloaded;
    }

    public KeyStores Stores { get; }

    /// <summary>Null without <c>[pkcs11]</c>.</summary>
    public Pkcs11Connection? Connection { get; }

    /// <summary>Null without <c>[pkcs11]</c>.</summary>
    public Pkcs11KeyStore? Token { get; }

    public IReadOnlyDictionary<string, KeySource> Preloaded { get; }

    /// <summary>Where keys are kept, for people.</summary>
    public string Description { get; }

    public void Dispose() => Stores.Dispose();
}
