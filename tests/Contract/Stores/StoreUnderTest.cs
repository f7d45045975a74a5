using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;

namespace EstProv.Contract.Tests.Stores;

/// <summary>One kind of key store, with what it needs below it.</summary>
public abstract class StoreUnderTest : IDisposable
{
    private IKeyStore? _store;

    internal IKeyStore Store => _store ?? throw new InvalidOperationException("Not started.");

    /// <summary>What this store cannot do, and says so by <c>mechanism_missing</c>.</summary>
    internal virtual IReadOnlyCollection<StoreOperation> Lacks => [];

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
