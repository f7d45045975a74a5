using System.Collections.Concurrent;
using System.Text;
using EstProv.Configuration.Keyd;
using EstProv.Keys.Authorization;
using EstProv.Keys.Client;
using EstProv.Keys.Handles;
using EstProv.Keys.Index;
using EstProv.Keys.Stores;
using EstProv.LocalApi;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Keys.Service;

/// <summary>What the Key Service does, whatever way it is asked. Every member first looks whether the caller may.</summary>
internal sealed partial class KeyService
{
    private readonly ConcurrentDictionary<string, KeySlot> _slots = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, KeySlot>.AlternateLookup<ReadOnlySpan<char>> _slotsBySpan;
    private readonly KeyIndex _index;
    private readonly KeyRotation _rotation;
    private readonly HandleSealer _sealer;
    private readonly Authorizer _authorizer;
    private long _signatures;
    private long _macs;

    public KeyService(
        KeyStores stores, KeyIndex index, HandleSealer sealer, Authorizer authorizer, IReadOnlyDictionary<string, KeySource> preloaded, ILogger logger)
    {
        _slotsBySpan = _slots.GetAlternateLookup<ReadOnlySpan<char>>();
        _index = index;
        _rotation = new KeyRotation(index, stores, logger);
        _sealer = sealer;
        _authorizer = authorizer;
        foreach (var (id, source) in preloaded) _slots[id] = new KeySlot(id, source);

        var (records, problems) = index.Load();
        foreach (var record in records)
        {
            _rotation.Adopt(_slots.GetOrAdd(record.KeyId, static id => new KeySlot(id, null)), record);
        }

        foreach (var slot in _slots.Values)
        {
            if (slot.State.Record.MovingTo is { } to) _rotation.RecoverMove(slot, _slots.GetValueOrDefault(to));
        }

        foreach (var problem in problems) Log.RecordUnusable(logger, problem.ToLogText());
    }

    /// <summary>What has been made with keys since the start.</summary>
    public void WriteMetrics(MetricsText metrics) => metrics
        .Counter("estprov_signatures_total", Interlocked.Read(ref _signatures))
        .Counter("estprov_macs_total", Interlocked.Read(ref _macs))
        .Gauge("estprov_keys", _slots.Count);

    /// <summary>Finishes or undoes what an interruption left half done. Needs the stores; what fails is tried again later.</summary>
    public void Settle()
    {
        foreach (var slot in _slots.Values) _rotation.Settle(slot);
    }

    /// <summary>The floating handle of an id's key pair, which is generated where there is none.</summary>
    public string Create(Caller caller, string keyId, string? preferredAlgorithms)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Generate);
        var algorithms = KeyAlgorithms.ParsePreferences(preferredAlgorithms);
        // First, since it needs the state folder: no key is made whose handle cannot be.
        var handle = _sealer.Seal(keyId, []);
        var slot = GetOrAdd(keyId);
        using (slot.Enter())
        {
            if (slot.IsSecret) throw NotAPair(keyId);
            if (slot.State.Current is null) Make(slot, algorithms);
        }

        return handle;
    }

    private void Make(KeySlot slot, List<KeyAlgorithm> algorithms)
    {
        try
        {
            if (slot.LoadPreloaded() is null) _rotation.Generate(slot, algorithms, asNext: false);
        }
        catch (ProblemException problem) when (problem.Code == "key_not_found" && slot.Source is { } source)
        {
            _rotation.GeneratePreloaded(slot, source, algorithms);
        }
    }

    /// <summary>The floating handle of an id.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>.</exception>
    public string Find(Caller caller, string keyId)
    {
        _ = Public(caller, keyId, []);
        return _sealer.Seal(keyId, []);
    }

    /// <summary>The public key of an id, or of whichever of its key pairs has this public key.</summary>
    /// <param name="spkiSha256">Empty for the current key pair.</param>
    /// <exception cref="ProblemException"><c>key_not_found</c>.</exception>
    public PublicKeyInfo Public(Caller caller, string keyId, ReadOnlySpan<byte> spkiSha256)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Use);
        if (!_slots.TryGetValue(keyId, out var slot))
        {
            _index.CheckAbsent(keyId);
            throw NotFound(keyId);
        }

        _index.CheckReadable(keyId);
        if (spkiSha256.IsEmpty) return (Current(slot) ?? throw NotFound(slot)).Public;
        if (slot.State.Find(spkiSha256) is { } own)
        {
            // Who asks for a pair wants to know whether it is still there, which the index alone does not.
            own.Probe();
            return own.Public;
        }

        return slot.LoadPreloaded() is { } preloaded && preloaded.Public.Matches(spkiSha256)
            ? preloaded.Public
            : throw new ProblemException("key_not_found", $"no key pair of '{keyId}' has that public key",
                "it has been destroyed, or belongs to another key id", 404);
    }

    /// <summary>The public key that a handle names.</summary>
    public PublicKeyInfo Public(Caller caller, ReadOnlySpan<char> handle, out string keyId)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, handle, KeyRights.Use, scope, out var pinned);
        keyId = slot.KeyId;
        return pinned ? Pinned(slot, scope).Public : (Current(slot) ?? throw NotFound(slot)).Public;
    }

    /// <summary>A handle for one key pair only.</summary>
    public string Pin(string keyId, PublicKeyInfo key) => _sealer.Seal(keyId, key.Sha256);

    /// <summary>The staged key pair, generated where there is none; its pinned handle.</summary>
    public string StageNext(Caller caller, string keyId, string? preferredAlgorithms)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Generate);
        var algorithms = KeyAlgorithms.ParsePreferences(preferredAlgorithms);
        _sealer.Prepare();
        var slot = GetOrAdd(keyId);
        using (slot.Enter())
        {
            if (slot.IsSecret) throw NotAPair(keyId);
            return Pin(keyId, (Staged(slot) ?? _rotation.Generate(slot, algorithms, asNext: true)).Public);
        }
    }

    /// <exception cref="ProblemException"><c>key_mismatch</c>, <c>key_not_found</c>.</exception>
    public void Promote(Caller caller, string keyId, ReadOnlySpan<byte> spkiSha256)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Generate);
        if (!_slots.TryGetValue(keyId, out var slot)) throw NotFound(keyId);
        _index.CheckReadable(keyId);
        using (slot.Enter()) _rotation.Promote(slot, spkiSha256);
    }

    /// <summary>Gives the key pair of one id to another; what the other one had is destroyed.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_preloaded</c>, <c>bad_request</c>.</exception>
    public void Move(Caller caller, string fromId, string toId)
    {
        CheckId(toId);
        _authorizer.Demand(caller, fromId, KeyRights.Delete);
        _authorizer.Demand(caller, toId, KeyRights.Generate);
        if (fromId == toId)
            throw new ProblemException("bad_request", "a key pair is not moved to its own id", "name another key id in from", 400);
        if (!_slots.TryGetValue(fromId, out var from)) throw NotFound(fromId);
        var to = GetOrAdd(toId);
        // Always in the same order, so that two moves do not wait for each other.
        var (first, second) = string.CompareOrdinal(fromId, toId) < 0 ? (from, to) : (to, from);
        using (first.Enter())
        {
            using (second.Enter())
            {
                if (to.IsSecret) throw NotAPair(toId);
                if (from.State.Current is null) throw from.Source is { } source ? Preloaded(fromId, source, "moved") : NotFound(fromId);
                if (to.State.Current is not null) _authorizer.Demand(caller, toId, KeyRights.Delete);
                _rotation.Move(from, to);
            }
        }
    }

    /// <summary>Destroys the staged key pair; no error when there is none.</summary>
    public void DiscardNext(Caller caller, string keyId) => Remove(caller, keyId, static record => record with { Next = null });

    /// <summary>Destroys the previous key pair; no error when there is none.</summary>
    public void RetirePrevious(Caller caller, string keyId) => Remove(caller, keyId, static record => record with { Previous = null });

    /// <summary>
    /// Destroys the key pair that a pinned handle names; by a floating one, every key pair of ours that its id has. A preloaded one stays the operator's.
    /// </summary>
    /// <exception cref="ProblemException"><c>key_preloaded</c>: there is nothing but the operator's key.</exception>
    public void Delete(Caller caller, ReadOnlySpan<char> handle)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, handle, KeyRights.Delete, scope, out var pinned);
        var only = pinned ? scope.ToArray() : null;
        using (slot.Enter())
        {
            var state = slot.State;
            if (state.Current is null && state.Next is null && state.Previous is null)
            {
                if (slot.Source is null or { IsSecret: true }) throw NotFound(slot);
                throw Preloaded(slot.KeyId, slot.Source, "destroyed");
            }

            if (pinned && state.Find(scope) is null) throw Destroyed(slot.KeyId);
            _rotation.Remove(slot, record => record with { Current = Keep(record.Current), Next = Keep(record.Next), Previous = Keep(record.Previous) });
        }

        KeyEntry? Keep(KeyEntry? entry) => entry is null || only is null || entry.Public.Matches(only) ? null : entry;
    }

    /// <summary>Signs with the key that a handle names.</summary>
    /// <returns>Bytes written to <paramref name="signature"/>, which has room for <see cref="StoredKey.LongestSignature"/>.</returns>
    public int Sign(
        Caller caller, ReadOnlySpan<char> handle, SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> signature)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, handle, KeyRights.Use, scope, out var pinned);
        var key = pinned ? Pinned(slot, scope) : slot.State.Current ?? slot.Preloaded() ?? throw NotFound(slot);
        CheckScheme(slot, key, scheme);
        try
        {
            return Counted(key.Sign(scheme, hash, digest, signature));
        }
        catch (ProblemException problem) when (problem.Code == "key_not_found" && slot.State.Current is null)
        {
            // The operator has put another key in its place, or none.
            slot.ForgetPreloaded();
            if (pinned) throw;
        }

        key = slot.Preloaded() ?? throw NotFound(slot);
        CheckScheme(slot, key, scheme);
        return Counted(key.Sign(scheme, hash, digest, signature));
    }

    private int Counted(int length)
    {
        Interlocked.Increment(ref _signatures);
        return length;
    }

    private static void CheckScheme(KeySlot slot, StoredKey key, SignatureScheme scheme)
    {
        var fits = key.Public.Kind switch
        {
            KeyKind.Ec => scheme == SignatureScheme.Ecdsa,
            KeyKind.Rsa => scheme is SignatureScheme.RsaPkcs1 or SignatureScheme.RsaPss,
            _ => scheme == SignatureScheme.EdDsa,
        };
        if (fits) return;
        throw new ProblemException("key_type", $"key '{slot.KeyId}' is {key.Public.Description}, which cannot make such a signature", key.Public.Kind switch
        {
            KeyKind.Ec => "use the algorithm ECDSA",
            KeyKind.Rsa => "use the algorithm RSA-PKCS1 or RSA-PSS",
            _ => "use the algorithm EdDSA",
        }, 400);
    }

    private void Remove(Caller caller, string keyId, Func<KeyRecord, KeyRecord> without)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Delete);
        if (!_slots.TryGetValue(keyId, out var slot)) return;
        _index.CheckReadable(keyId);
        using (slot.Enter()) _rotation.Remove(slot, without);
    }

    // A staged pair that the token has lost would be asked for for ever.
    private StoredKey? Staged(KeySlot slot)
    {
        if (slot.State.Next is not { } next) return null;
        try
        {
            next.Probe();
            return next;
        }
        catch (ProblemException problem) when (problem.Code == "key_not_found")
        {
            _rotation.Remove(slot, static record => record with { Next = null });
            return null;
        }
    }

    private static StoredKey? Current(KeySlot slot) => slot.State.Current ?? slot.LoadPreloaded();

    private static StoredKey Pinned(KeySlot slot, ReadOnlySpan<byte> scope)
    {
        if (slot.State.Find(scope) is { } own) return own;
        if (slot.Source is null) throw Destroyed(slot.KeyId);
        if (slot.Preloaded() is { } seen && seen.Public.Matches(scope)) return seen;
        return slot.LoadPreloaded() is { } loaded && loaded.Public.Matches(scope) ? loaded : throw Destroyed(slot.KeyId);
    }

    private KeySlot Open(Caller caller, ReadOnlySpan<char> handle, KeyRights right, Span<byte> scope, out bool pinned)
    {
        Span<char> id = stackalloc char[HandleSealer.LongestId];
        if (!_sealer.TryOpen(handle, scope, out pinned, id, out var length))
        {
            throw new ProblemException("handle_invalid", "that is not a key handle of this Key Service", "load the key pair again to get a handle", 400);
        }

        return Open(caller, id[..length], right);
    }

    private KeySlot Open(Caller caller, ReadOnlySpan<char> id, KeyRights right)
    {
        _authorizer.Demand(caller, id, right);
        return Open(id);
    }

    private KeySlot Open(ReadOnlySpan<char> id)
    {
        if (!_slotsBySpan.TryGetValue(id, out var slot)) throw NotFound(id.ToString());
        _index.CheckReadable(slot.KeyId);
        return slot;
    }

    private KeySlot GetOrAdd(string keyId)
    {
        if (_slots.TryGetValue(keyId, out var slot)) _index.CheckReadable(keyId);
        else _index.CheckAbsent(keyId);
        return slot ?? _slots.GetOrAdd(keyId, static id => new KeySlot(id, null));
    }

    private static void CheckId(string keyId)
    {
        var valid = keyId.Length > 0 && Encoding.UTF8.GetByteCount(keyId) <= HandleSealer.LongestId;
        foreach (var c in keyId) valid &= !char.IsControl(c);
        if (!valid)
        {
            throw new ProblemException("bad_request", $"a key id has 1 to {HandleSealer.LongestId} bytes of UTF-8 and no control characters",
                "use another key id", 400);
        }
    }

    private static ProblemException NotFound(KeySlot slot) => slot.IsSecret ? NotAPair(slot.KeyId) : NotFound(slot.KeyId);

    private static ProblemException NotFound(string keyId) => new("key_not_found", $"there is no key '{keyId}'",
        "create it with POST /keypair, or preload it in [preloaded_keys]", 404);

    private static ProblemException Preloaded(string keyId, KeySource source, string what) => new("key_preloaded",
        $"key '{keyId}' is preloaded from {source.Description} and is not {what}", "remove it from [preloaded_keys] and from the token by hand", 400);

    private static ProblemException Destroyed(string keyId) => new("key_not_found", $"the key pair of '{keyId}' that this handle names is gone",
        "load the key pair again to get a handle of the current one", 404);

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Error, "a record of the key index is left alone: {Problem}")]
        public static partial void RecordUnusable(ILogger logger, string problem);
    }
}
