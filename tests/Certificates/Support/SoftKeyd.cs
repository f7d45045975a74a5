using System.Globalization;
using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Support;

/// <summary>A Key Service in memory that outlives the engines of a test, as keyd outlives certd; it can go down, and it counts.</summary>
internal sealed class SoftKeyd : IKeyClient, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Slot> _slots = [];

    private sealed class Slot
    {
        public SoftKey? Preloaded { get; set; }

        public SoftKey? Current { get; set; }

        public SoftKey? Next { get; set; }

        public SoftKey? Previous { get; set; }

        public IEnumerable<SoftKey> All => new[] { Current, Next, Previous, Preloaded }.OfType<SoftKey>();
    }

    internal sealed record SoftKey(string Handle, AsymmetricAlgorithm Key, byte[] Spki)
    {
        public byte[] Hash => SHA256.HashData(Spki);
    }

    /// <summary>Nobody answers.</summary>
    public bool IsDown { get; set; }

    /// <summary>The code of what it says while it is down.</summary>
    public string DownAs { get; set; } = "keyd_unreachable";

    /// <summary>Goes down at this call, counted from now; 0 for never.</summary>
    public int DownAt { get; set; }

    public int Generated { get; private set; }

    /// <summary>What the token cannot do.</summary>
    public HashSet<string> Missing { get; } = [];

    public int Signatures { get; private set; }

    public void Dispose()
    {
        foreach (var key in _slots.Values.SelectMany(slot => slot.All)) key.Key.Dispose();
    }

    /// <summary>A key that the operator made.</summary>
    public AsymmetricAlgorithm Preload(string keyId, bool rsa = false)
    {
        var key = Make(keyId, rsa ? "rsa-2048" : "ec-p256");
        Find(keyId).Preloaded = key;
        return key.Key;
    }

    /// <summary>Called at the next look for a key.</summary>
    public Action? Looked { get; set; }

    /// <summary>The operator gives a key that he made to another id as well.</summary>
    public void Share(string keyId, string withKeyId) => Find(withKeyId).Preloaded = Find(keyId).Preloaded;

    /// <summary>All keys of an id go, as with a token that was replaced.</summary>
    public void Lose(string keyId) => _slots.Remove(keyId);

    /// <summary>How many key pairs an id has: current, next and previous, preloaded ones not counted.</summary>
    public int Count(string keyId)
    {
        var slot = Find(keyId);
        return new[] { slot.Current, slot.Next, slot.Previous }.Count(key => key is not null);
    }

    public byte[]? CurrentSpki(string keyId) => (Find(keyId).Current ?? Find(keyId).Preloaded)?.Hash;

    public AsymmetricAlgorithm ByHandle(string handle)
    {
        lock (_gate) return _slots.Values.SelectMany(slot => slot.All).First(key => key.Handle == handle).Key;
    }

    public KeyReference CreateKeyPair(string keyId, string preferredAlgorithms)
    {
        lock (_gate) return Refer((Open(keyId).Current ??= Make(keyId, preferredAlgorithms)))!;
    }

    public KeyReference? FindKeyPair(string keyId, ReadOnlyMemory<byte> spkiSha256 = default)
    {
        var found = Look(keyId, spkiSha256);
        Looked?.Invoke();
        return found;
    }

    private KeyReference? Look(string keyId, ReadOnlyMemory<byte> spkiSha256)
    {
        lock (_gate)
        {
            var slot = Open(keyId);
            if (spkiSha256.IsEmpty) return Refer(slot.Current ?? slot.Preloaded);
            return Refer(slot.All.FirstOrDefault(key => key.Hash.AsSpan().SequenceEqual(spkiSha256.Span)));
        }
    }

    public KeyReference StageNext(string keyId, string preferredAlgorithms)
    {
        lock (_gate) return Refer(Open(keyId).Next ??= Make(keyId, preferredAlgorithms))!;
    }

    public void DiscardNext(string keyId)
    {
        lock (_gate) Open(keyId).Next = null;
    }

    public void Promote(string keyId, ReadOnlyMemory<byte> spkiSha256)
    {
        lock (_gate)
        {
            var slot = Open(keyId);
            bool Is(SoftKey? key) => key is not null && key.Hash.AsSpan().SequenceEqual(spkiSha256.Span);
            if (Is(slot.Current)) return;
            if (Is(slot.Next)) (slot.Previous, slot.Current, slot.Next) = (slot.Current ?? slot.Previous, slot.Next, null);
            else if (Is(slot.Preloaded)) (slot.Previous, slot.Current) = (slot.Current ?? slot.Previous, null);
            else throw new ProblemException("key_mismatch", "neither staged nor current", "", 409);
        }
    }

    public void RetirePrevious(string keyId)
    {
        lock (_gate) Open(keyId).Previous = null;
    }

    public byte[] SignDigest(string keyHandle, SignatureScheme scheme, HashAlgorithmName hash, ReadOnlySpan<byte> digest)
    {
        AsymmetricAlgorithm key;
        lock (_gate)
        {
            Demand();
            Signatures++;
            key = _slots.Values.SelectMany(slot => slot.All).FirstOrDefault(known => known.Handle == keyHandle)?.Key
                ?? throw new ProblemException("key_not_found", "no such handle", "", 404);
        }

        return key switch
        {
            ECDsa ec => ec.SignHash(digest.ToArray(), DSASignatureFormat.Rfc3279DerSequence),
            RSA rsa => rsa.SignHash(digest, hash, scheme == SignatureScheme.RsaPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1),
            _ => throw new InvalidOperationException(),
        };
    }

    private Slot Open(string keyId)
    {
        Demand();
        return Find(keyId);
    }

    private Slot Find(string keyId)
    {
        if (!_slots.TryGetValue(keyId, out var slot)) _slots[keyId] = slot = new Slot();
        return slot;
    }

    private void Demand()
    {
        if (DownAt > 0 && --DownAt == 0) IsDown = true;
        if (IsDown) throw new ProblemException(DownAs, "the Key Service does not answer", "start it", 503);
    }

    private SoftKey Make(string keyId, string algorithms)
    {
        Generated++;
        var first = algorithms.Split(':')[0];
        if (Missing.Contains(first)) throw new ProblemException("mechanism_missing", $"the token cannot make a key '{first}'", "", 400);
        AsymmetricAlgorithm key = first.StartsWith("rsa", StringComparison.Ordinal) ? RSA.Create(int.Parse(first[4..], CultureInfo.InvariantCulture))
            : ECDsa.Create(first switch { "ec-p384" => ECCurve.NamedCurves.nistP384, "ec-p521" => ECCurve.NamedCurves.nistP521, _ => ECCurve.NamedCurves.nistP256 });
        var spki = key.ExportSubjectPublicKeyInfo();
        return new SoftKey($"{keyId}#{Convert.ToHexString(SHA256.HashData(spki))}", key, spki);
    }

    private static KeyReference? Refer(SoftKey? key) => key is null ? null : new KeyReference(key.Handle, key.Spki);
}
