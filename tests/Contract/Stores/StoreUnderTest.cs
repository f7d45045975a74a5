using EstProv.Keys.Files;
using EstProv.Keys.Pkcs11;
using EstProv.Keys.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Contract.Tests.Stores;

/// <summary>One kind of key store, with what it needs below it.</summary>
public abstract class StoreUnderTest : IDisposable
{
    private IKeyStore? _store;

    internal IKeyStore Store => _store ?? throw new InvalidOperationException("Not started.");

    /// <summary>Closes the store and opens it again.</summary>
    public void Restart()
    {
        _store?.Dispose();
        _store = Open();
    }

    public void Dispose()
    {
        _store?.Dispose();
        Clear();
        GC.SuppressFinalize(this);
    }

    internal abstract IKeyStore Open();

    /// <summary>Removes what is below the store.</summary>
    internal abstract void Clear();
}

/// <summary>Every key store there is. A further token is added by one line here and its class.</summary>
public static class StoreRegistry
{
    private static readonly (string Name, Func<StoreUnderTest> Make)[] Stores =
    [
        ("files", static () => new FileStoreUnderTest()),
        ("SoftHSM2", static () => new SoftHsmUnderTest()),
    ];

    public static IEnumerable<string> Names => Stores.Select(static store => store.Name);

    public static StoreUnderTest Make(string name) => Stores.Single(store => store.Name == name).Make();

    private sealed class FileStoreUnderTest : StoreUnderTest
    {
        private readonly TemporaryFolder _folder = new();

        internal override IKeyStore Open() => new FileKeyStore(_folder.Path);

        internal override void Clear() => _folder.Dispose();
    }

    private sealed class SoftHsmUnderTest : StoreUnderTest
    {
        private readonly SoftHsm _token = new();
        private readonly TemporaryFolder _state = new();

        internal override IKeyStore Open()
        {
            var slot = Pkcs11Uri.Parse(_token.TokenUri, "test");
            var connection = new Pkcs11Connection(SoftHsm.Module, new PinMemory(_state["pins"]), [slot], TimeProvider.System, NullLogger.Instance);
            return new Pkcs11KeyStore(connection, slot);
        }

        internal override void Clear()
        {
            _token.Dispose();
            _state.Dispose();
        }
    }
}
