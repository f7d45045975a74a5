using System.Security.Cryptography;
using System.Text;
using EstProv.Keys.Index;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Service;

/// <summary>
/// Changes to the key pairs of an id, each in an order that an interruption at any point leaves repairable: what is about to be
/// generated or destroyed is written down first, and start-up finishes or undoes it.
/// </summary>
internal sealed partial class KeyRotation(KeyIndex index, KeyStores stores, ILogger logger)
{
    /// <summary>Takes a record from disk into use. The stores are not asked.</summary>
    public void Adopt(KeySlot slot, KeyRecord record)
    {
        slot.IsFound = true;
        slot.State = new SlotState(record, Open(record, record.Current), Open(record, record.Next), Open(record, record.Previous), OpenSecret(record));
        if (record.Current is null || slot.Source is not { } source) return;
        if (record.PreloadedUri != Fingerprint(source)) Log.PreloadedChanged(logger, slot.KeyId, source.Description);
    }

    /// <summary>
    /// Undoes an interrupted generation and finishes interrupted destructions. What cannot be reached now stays written down for the next time.
    /// </summary>
    /// <returns>Whether nothing is left.</returns>
    public bool Settle(KeySlot slot)
    {
        try
        {
            using (slot.Enter())
            {
                var record = slot.State.Record;
                if (record.IsSettled) return true;
                // What is destroyed now must not be named by the record before, should the power go: so this one is made to last first.
                if (slot.IsFound) Save(slot, record);
                if (record.Generating is { } generating)
                {
                    stores.Get(generating.Store, slot.KeyId).Destroy(generating.Id);
                    record = Save(slot, record with { Generating = null });
                    Log.RolledBack(logger, slot.KeyId);
                }

                foreach (var pending in record.Destroying)
                {
                    stores.Get(pending.Store, slot.KeyId).Destroy(pending.Id);
                    Log.Destroyed(logger, slot.KeyId);
                }

                Save(slot, record with { Destroying = [] });
                return true;
            }
        }
        catch (ProblemException problem)
        {
            Log.NotSettled(logger, slot.KeyId, problem.ToLogText());
            return false;
        }
    }

    /// <summary>Generates a pair by the first algorithm that the store can do, as the current or as the next one. Under the slot's gate.</summary>
    public StoredKey Generate(KeySlot slot, List<KeyAlgorithm> algorithms, bool asNext)
    {
        if (slot.State.Record.IsEmpty) index.CheckAbsent(slot.KeyId);
        stores.Primary.Prepare();
        ClearJournal(slot);
        for (var i = 0; ; i++)
        {
            try
            {
                return Generate(slot, algorithms[i], asNext);
            }
            catch (ProblemException problem) when (problem.Code == "mechanism_missing" && i + 1 < algorithms.Count)
            {
                Log.NextAlgorithm(logger, slot.KeyId, problem.Message);
            }
        }
    }

    /// <summary>
    /// Makes the pair that the configuration preloads and that its token does not have yet, by the first algorithm that the token can do.
    /// It is the operator's: no record
    /// names it, and nothing destroys it. Under the slot's gate.
    /// </summary>
    public StoredKey GeneratePreloaded(KeySlot slot, KeySource source, List<KeyAlgorithm> algorithms)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var made = source.Create(algorithms[i]);
                Log.PreloadedMade(logger, slot.KeyId, source.Description, made.Public.Description);
                return made;
            }
            catch (ProblemException problem) when (problem.Code == "mechanism_missing" && i + 1 < algorithms.Count)
            {
                Log.NextAlgorithm(logger, slot.KeyId, problem.Message);
            }
        }
    }

    // A generation has one place in the journal, so an earlier one has to be out of it.
    private void ClearJournal(KeySlot slot)
    {
        if (Settle(slot) || slot.State.Record is not { Generating: { } unfinished } record) return;
        // A token that destroys nothing must not keep the device from its next key: it is destroyed when that is possible.
        Save(slot, record with { Generating = null, Destroying = [.. record.Destroying, unfinished] });
    }

    /// <summary>The staged pair with this public key becomes the current one. Idempotent. Under the slot's gate.</summary>
    /// <exception cref="ProblemException"><c>key_mismatch</c>, 409.</exception>
    public void Promote(KeySlot slot, ReadOnlySpan<byte> spkiSha256)
    {
        Settle(slot);
        var state = slot.State;
        var record = state.Record;
        if (state.Current is { } current && current.Public.Matches(spkiSha256)) return;
        if (state.Next is { } next && next.Public.Matches(spkiSha256))
        {
            Commit(slot, Demote(record) with { Current = record.Next, Next = null, PreloadedUri = slot.Source is { } source ? Fingerprint(source) : null });
            Log.Promoted(logger, slot.KeyId, next.Public.Description);
            return;
        }

        // The operator's key is the one that the certificate is for: it comes back into its place.
        if (slot.LoadPreloaded() is { } preloaded && preloaded.Public.Matches(spkiSha256))
        {
            if (state.Current is null) return;
            Commit(slot, Demote(record) with { Current = null, PreloadedUri = null });
            Log.PreloadedBack(logger, slot.KeyId);
            return;
        }

        throw new ProblemException("key_mismatch", $"neither the staged nor the current key pair of '{slot.KeyId}' has that public key",
            "stage a key pair again and obtain a certificate for it", 409);
    }

    /// <summary>Destroys the pairs that <paramref name="without"/> no longer names. Under the slot's gate.</summary>
    public void Remove(KeySlot slot, Func<KeyRecord, KeyRecord> without)
    {
        Settle(slot);
        var before = slot.State.Record;
        var after = without(before);
        var dropped = new List<PendingKey>(before.Destroying);
        foreach (var entry in (KeyEntry?[])[before.Current, before.Next, before.Previous])
        {
            if (entry is not null && entry != after.Current && entry != after.Next && entry != after.Previous) dropped.Add(entry.Pending);
        }

        if (before.Secret is { } secret && after.Secret is null) dropped.Add(secret.Pending);
        if (dropped.Count > before.Destroying.Count) Commit(slot, after with { Destroying = dropped });
    }

    /// <summary>
    /// Gives the current pair of one id to another one, whose own pairs are destroyed. In the index only: the token keeps the label. Under
    /// both gates.
    /// </summary>
    public void Move(KeySlot from, KeySlot to)
    {
        if (to.State.Record.IsEmpty) index.CheckAbsent(to.KeyId);
        Settle(to);
        var current = from.State.Current!;
        var (source, target) = (from.State.Record, to.State.Record);
        index.Save(source with { MovingTo = to.KeyId });
        Save(to, target with
        {
            Current = source.Current,
            Next = null,
            Previous = null,
            Destroying = [.. target.Destroying, .. Pending(target.Current, target.Next, target.Previous)],
            PreloadedUri = to.Source is { } preloaded ? Fingerprint(preloaded) : null,
        }, current);
        FinishMove(from);
        Log.Moved(logger, from.KeyId, to.KeyId, current.Public.Description);
        Settle(to);
        Settle(from);
    }

    /// <summary>At start: whether an interrupted move has happened is decided by the record that it was going to.</summary>
    public void RecoverMove(KeySlot from, KeySlot? to)
    {
        var record = from.State.Record;
        if (record.Current is { } moved && to?.State.Record.Current?.Id == moved.Id) FinishMove(from);
        else from.State = from.State with { Record = record with { MovingTo = null } };
    }

    // In memory whatever the disk says: the pair belongs to the other id now, and deleting this one must not destroy it.
    private void FinishMove(KeySlot from)
    {
        var record = from.State.Record;
        var left = record with
        {
            Current = null,
            Next = null,
            Previous = null,
            MovingTo = null,
            Destroying = [.. record.Destroying, .. Pending(record.Next, record.Previous)],
        };
        from.State = new SlotState(left, null, null, null, from.State.Secret);
        try
        {
            index.Save(left);
        }
        catch (ProblemException problem)
        {
            Log.NotSettled(logger, from.KeyId, problem.ToLogText());
        }
    }

    private static List<PendingKey> Pending(params ReadOnlySpan<KeyEntry?> entries)
    {
        var pending = new List<PendingKey>(entries.Length);
        foreach (var entry in entries)
        {
            if (entry is not null) pending.Add(entry.Pending);
        }

        return pending;
    }

    private StoredKey Generate(KeySlot slot, KeyAlgorithm algorithm, bool asNext)
    {
        var store = stores.Primary;
        var record = slot.State.Record;
        var pending = new PendingKey(StorageId.Random(), store.Name);
        Save(slot, record with { Generating = pending });
        try
        {
            var key = store.Generate(pending.Id, slot.KeyId, algorithm);
            var entry = new KeyEntry(pending.Id, store.Name, key.Public);
            var done = asNext
                ? record with { Next = entry }
                : record with { Current = entry, PreloadedUri = slot.Source is { } source ? Fingerprint(source) : null };
            Save(slot, done, key);
            Log.Generated(logger, slot.KeyId, key.Public.Description, store.Name);
            return key;
        }
        catch (ProblemException)
        {
            Undo(slot, record, pending);
            throw;
        }
    }

    // Written down before it is destroyed: the write that failed may have reached the disk, and nothing there may name a pair that is gone.
    private void Undo(KeySlot slot, KeyRecord record, PendingKey pending)
    {
        try
        {
            Save(slot, record with { Destroying = [.. record.Destroying, pending] });
        }
        catch (ProblemException problem)
        {
            Log.NotSettled(logger, slot.KeyId, problem.ToLogText());
            return;
        }

        Settle(slot);
    }

    /// <summary>One write that decides; then the clearing up, whose failure is no failure of the change.</summary>
    private void Commit(KeySlot slot, KeyRecord record)
    {
        Save(slot, record);
        Settle(slot);
    }

    // The current pair becomes the previous one, and what was previous goes.
    private static KeyRecord Demote(KeyRecord record) => record with
    {
        Previous = record.Current ?? record.Previous,
        Destroying = record is { Current: not null, Previous: { } old } ? [.. record.Destroying, old.Pending] : record.Destroying,
    };

    private KeyRecord Save(KeySlot slot, KeyRecord record, StoredKey? fresh = null)
    {
        index.Save(record);
        slot.IsFound = false;
        var before = slot.State;
        var secret = record.Secret == before.Record.Secret ? before.Secret : OpenSecret(record);
        slot.State = new SlotState(record, Pick(record.Current), Pick(record.Next), Pick(record.Previous), secret);
        return record;

        StoredKey? Pick(KeyEntry? entry) => entry is null ? null
            : fresh is not null && fresh.Public == entry.Public ? fresh
            : before.Find(entry.Public.Sha256) ?? Open(record, entry);
    }

    private StoredKey? Open(KeyRecord record, KeyEntry? entry)
    {
        if (entry is null) return null;
        return stores.Has(entry.Store)
            ? stores.Get(entry.Store, record.KeyId).Open(entry.Id, record.KeyId, entry.Public)
            : new UnreachableKey(stores, entry, record.KeyId);
    }

    private static string Fingerprint(KeySource source) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source.Description)));

    /// <summary>A key in a store that the configuration no longer has.</summary>
    private sealed class UnreachableKey(KeyStores stores, KeyEntry entry, string keyId) : StoredKey(entry.Public)
    {
        public override void Probe() => _ = stores.Get(entry.Store, keyId);

        public override int Sign(Client.SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> signature)
        {
            _ = stores.Get(entry.Store, keyId);
            return 0;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Information, "generated key '{Key}': {Kind} in store '{Store}'")]
        public static partial void Generated(ILogger logger, string key, string kind, string store);

        [LoggerMessage(11, LogLevel.Information, "promoted the staged key pair of '{Key}' ({Kind}); the old one is kept until it is retired")]
        public static partial void Promoted(ILogger logger, string key, string kind);

        [LoggerMessage(12, LogLevel.Information, "the preloaded key of '{Key}' is the current one again")]
        public static partial void PreloadedBack(ILogger logger, string key);

        [LoggerMessage(13, LogLevel.Information, "destroyed a key of '{Key}' that is no longer used")]
        public static partial void Destroyed(ILogger logger, string key);

        [LoggerMessage(14, LogLevel.Information, "undid an unfinished generation of key '{Key}'")]
        public static partial void RolledBack(ILogger logger, string key);

        [LoggerMessage(15, LogLevel.Warning, "key '{Key}' has unfinished work, which is tried again later: {Problem}")]
        public static partial void NotSettled(ILogger logger, string key, string problem);

        [LoggerMessage(16, LogLevel.Warning, "another algorithm is taken for key '{Key}': {Problem}")]
        public static partial void NextAlgorithm(ILogger logger, string key, string problem);

        [LoggerMessage(19, LogLevel.Warning, "the preloaded key '{Key}' was not there and has been made as {Uri} ({Kind})")]
        public static partial void PreloadedMade(ILogger logger, string key, string uri, string kind);

        [LoggerMessage(18, LogLevel.Information, "moved the key pair of '{From}' to '{To}' ({Kind})")]
        public static partial void Moved(ILogger logger, string from, string to, string kind);

        [LoggerMessage(17, LogLevel.Warning, "the preloaded key '{Key}' has changed in the configuration ({Uri}); the key pair that was generated "
            + "since stays the current one, and the preloaded one is found by its public key only")]
        public static partial void PreloadedChanged(ILogger logger, string key, string uri);
    }
}
