using EstProv.Keys.Index;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Service;

/// <summary>A key id at run time. Reads take no lock; changes hold <see cref="Enter"/>.</summary>
internal sealed class KeySlot(string keyId, KeySource? source)
{
    private volatile SlotState _state = new(new KeyRecord { KeyId = keyId }, null, null, null, null);
    private volatile StoredKey? _preloaded;

    public string KeyId => keyId;

    /// <summary>The key that the configuration preloads under this id.</summary>
    public KeySource? Source => source;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(4);

    private readonly Lock _gate = new();

    /// <summary>Holds off other changes; left by disposing what is returned.</summary>
    /// <exception cref="ProblemException"><c>key_busy</c>: a change of another caller hangs in the token.</exception>
    public Held Enter()
    {
        if (_gate.TryEnter(LongestWait)) return new Held(_gate);
        throw new ProblemException("key_busy", $"key '{keyId}' is being changed for more than {LongestWait.TotalSeconds:0} s",
            "try again in a while: a token may take long to generate a key; when that does not end, check the token's device", 503);
    }

    /// <summary>
    /// The record was found on disk and has not been written since: a process that was killed in between may have left its name there to go
    /// with the power.
    /// </summary>
    public bool IsFound { get; set; }

    public SlotState State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>It is a symmetric key, or will be one where the configuration says so.</summary>
    public bool IsSecret => source is { IsSecret: true } || State.Secret is not null;

    /// <summary>Finds the preloaded key pair as it is now.</summary>
    public StoredKey? LoadPreloaded() => source is null or { IsSecret: true } ? null : _preloaded = source.Load();

    /// <summary>The preloaded key as it was when it was last found: good enough to sign, which fails when it is another one by now.</summary>
    public StoredKey? Preloaded() => _preloaded ?? LoadPreloaded();

    /// <summary><see cref="Preloaded"/> asks nobody.</summary>
    public bool HasSeenPreloaded => _preloaded is not null;

    public void ForgetPreloaded() => _preloaded = null;

    /// <summary>The right to change a key id.</summary>
    internal readonly ref struct Held(Lock gate)
    {
        public void Dispose() => gate.Exit();
    }
}

/// <summary>The keys of an id, as its record names them.</summary>
internal sealed record SlotState(KeyRecord Record, StoredKey? Current, StoredKey? Next, StoredKey? Previous, StoredSecret? Secret)
{
    /// <summary>The key pair of ours with this public key.</summary>
    public StoredKey? Find(ReadOnlySpan<byte> spkiSha256)
    {
        if (Current is not null && Current.Public.Matches(spkiSha256)) return Current;
        if (Next is not null && Next.Public.Matches(spkiSha256)) return Next;
        return Previous is not null && Previous.Public.Matches(spkiSha256) ? Previous : null;
    }
}
