using EstProv.Keys.Pkcs11;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Contract.Tests.Stores;

internal sealed class SoftHsmUnderTest : StoreUnderTest
{
    private readonly SoftHsm _token = new();
    private readonly TemporaryFolder _state = new();

    internal override IReadOnlyCollection<StoreOperation> Lacks => [StoreOperation.OaepSha256, StoreOperation.ShortMacKey];

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
