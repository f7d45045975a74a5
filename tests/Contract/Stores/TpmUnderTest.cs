using EstProv.Keys.Pkcs11;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Contract.Tests.Stores;

/// <summary>A TPM 2.0 (swtpm) through libtpm2-pkcs11, which has key pairs only.</summary>
internal sealed class TpmUnderTest : StoreUnderTest
{
    private readonly Tpm _tpm = new();
    private readonly TemporaryFolder _state = new();

    internal override IReadOnlyCollection<StoreOperation> Lacks =>
    [
        StoreOperation.EcP521, StoreOperation.Rsa4096, StoreOperation.Ed25519, StoreOperation.MacKey, StoreOperation.CipherKey, StoreOperation.AllPurposeKey,
        StoreOperation.ImportedMacKey, StoreOperation.ImportedCipherKey, StoreOperation.ShortMacKey,
    ];

    internal override IKeyStore Open()
    {
        var slot = Pkcs11Uri.Parse(Tpm.TokenUri, "test");
        var connection = new Pkcs11Connection(Tpm.Module, new PinMemory(_state["pins"]), [slot], TimeProvider.System, NullLogger.Instance);
        return new Pkcs11KeyStore(connection, slot);
    }

    internal override void Clear()
    {
        _tpm.Dispose();
        _state.Dispose();
    }
}
