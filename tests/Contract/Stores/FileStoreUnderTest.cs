using EstProv.Keys.Files;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;

namespace EstProv.Contract.Tests.Stores;

internal sealed class FileStoreUnderTest : StoreUnderTest
{
    private readonly TemporaryFolder _folder = new();

    internal override IReadOnlyCollection<StoreOperation> Lacks => [StoreOperation.Ed25519];

    internal override IKeyStore Open() => new FileKeyStore(_folder.Path);

    internal override void Clear() => _folder.Dispose();
}
