using EstProv.Keys.Index;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Service;

/// <summary>Symmetric keys: made in the first store that can hold and use them, with the same journal as pairs.</summary>
internal sealed partial class KeyRotation
{
    /// <summary>Makes the symmetric key of an id, in place of the one that it may have. Under the slot's gate.</summary>
    /// <param name="value">Empty to have it generated.</param>
    public void CreateSecret(KeySlot slot, SecretUsage usage, ReadOnlySpan<byte> value)
    {
        if (slot.State.Record.IsEmpty) index.CheckAbsent(slot.KeyId);
        stores.Primary.Prepare();
        ClearJournal(slot);
        for (var i = 0; ; i++)
        {
            try
            {
                CreateSecret(slot, stores.All[i], usage, value);
                return;
            }
            catch (ProblemException problem) when (problem.Code == "mechanism_missing" && i + 1 < stores.All.Count)
            {
                Log.NextStore(logger, slot.KeyId, stores.All[i + 1].Name, problem.Message);
            }
        }
    }

    private void CreateSecret(KeySlot slot, IKeyStore store, SecretUsage usage, ReadOnlySpan<byte> value)
    {
        var record = slot.State.Record;
        var pending = new PendingKey(StorageId.Random(), store.Name);
        Save(slot, record with { Generating = pending });
        try
        {
            _ = store.CreateSecret(pending.Id, slot.KeyId, usage, value);
            var old = record.Secret is { } replaced ? [.. record.Destroying, replaced.Pending] : record.Destroying;
            Commit(slot, record with { Secret = new SecretEntry(pending.Id, store.Name, usage), Destroying = old });
            Log.MadeSecret(logger, slot.KeyId, usage.Text(), store.Name);
        }
        catch (ProblemException)
        {
            Undo(slot, record, pending);
            throw;
        }
    }

    private StoredSecret? OpenSecret(KeyRecord record)
    {
        if (record.Secret is not { } entry) return null;
        return stores.Has(entry.Store)
            ? stores.Get(entry.Store, record.KeyId).OpenSecret(entry.Id, record.KeyId, entry.Usage)
            : new UnreachableSecret(stores, entry, record.KeyId);
    }

    /// <summary>A symmetric key in a store that the configuration no longer has.</summary>
    private sealed class UnreachableSecret(KeyStores stores, SecretEntry entry, string keyId) : StoredSecret(entry.Usage)
    {
        public override void Probe() => _ = stores.Get(entry.Store, keyId);

        public override void Mac(ReadOnlySpan<byte> message, Span<byte> mac) => Probe();

        public override void Encrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> sealedText) => Probe();

        public override void Decrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedText, Span<byte> plaintext) => Probe();
    }

    private static partial class Log
    {
        [LoggerMessage(24, LogLevel.Information, "made the symmetric key '{Key}' for {Usage} in store '{Store}'")]
        public static partial void MadeSecret(ILogger logger, string key, string usage, string store);

        [LoggerMessage(25, LogLevel.Warning, "the symmetric key '{Key}' is kept in store '{Store}', since the token cannot hold or use it: {Problem}")]
        public static partial void NextStore(ILogger logger, string key, string store, string problem);
    }
}
