using System.Security.Cryptography;
using EstProv.Configuration.Keyd;
using EstProv.Keys.Authorization;
using EstProv.Keys.Handles;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Service;

/// <summary>
/// Symmetric keys and the keys that are derived from them. A derived key is stored nowhere: its handle names the base key and carries the
/// derivation data, and each use computes HMAC-SHA256 of the data with the base key.
/// </summary>
internal sealed partial class KeyService
{
    // Version 2 of Azure's keyd: ciphertext, then tag. Version 1, of IoT Edge 1.1: tag, then ciphertext; it is only read.
    private const byte SealedVersion = 2, OldVersion = 1;

    /// <summary>Bytes by which what <see cref="Encrypt"/> makes is longer than the plaintext.</summary>
    public const int SealedOverhead = 1 + Ciphers.TagLength;

    /// <summary>The handle of an id's symmetric key, which is generated where there is none; with a value it is imported, in place of an older one.</summary>
    public string CreateSecret(Caller caller, string keyId, SecretUsage usage, ReadOnlySpan<byte> value)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Generate);
        CheckValue(usage, value);
        var handle = _sealer.Seal(keyId, []);
        var slot = GetOrAdd(keyId);
        using (slot.Enter())
        {
            if (slot.Source is { } source)
            {
                if (!source.IsSecret) throw NotASecret(slot.KeyId);
                if (!value.IsEmpty) throw Preloaded(keyId, source, "replaced");
                CheckUsage(slot.KeyId, source.LoadSecret(), usage);
                return handle;
            }

            if (slot.State is { Current: not null } or { Next: not null }) throw NotASecret(slot.KeyId);
            if (slot.State.Secret is { } existing)
            {
                if (value.IsEmpty)
                {
                    CheckUsage(slot.KeyId, existing, usage);
                    return handle;
                }

                _authorizer.Demand(caller, keyId, KeyRights.Delete);
            }

            _rotation.CreateSecret(slot, usage, value);
        }

        return handle;
    }

    /// <summary>The handle of an id's symmetric key.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>.</exception>
    public string FindSecret(Caller caller, string keyId)
    {
        CheckId(keyId);
        _authorizer.Demand(caller, keyId, KeyRights.Use);
        if (!_slots.TryGetValue(keyId, out var slot))
        {
            _index.CheckAbsent(keyId);
            throw SecretNotFound(keyId);
        }

        _index.CheckReadable(keyId);
        SecretOf(slot).Probe();
        return _sealer.Seal(keyId, []);
    }

    /// <summary>Destroys the symmetric key of a handle's id.</summary>
    public void DeleteSecret(Caller caller, ReadOnlySpan<char> handle)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, handle, KeyRights.Delete, scope, out _);
        using (slot.Enter())
        {
            if (slot.State.Secret is null)
            {
                if (slot.Source is { IsSecret: true } source) throw Preloaded(slot.KeyId, source, "destroyed");
                _ = SecretOf(slot);
            }

            _rotation.Remove(slot, static record => record with { Secret = null });
        }
    }

    /// <summary>The handle of the key that is derived from a symmetric key with this data.</summary>
    public string Derive(Caller caller, ReadOnlySpan<char> baseHandle, ReadOnlySpan<byte> data)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, baseHandle, KeyRights.Use, scope, out _);
        if (data.Length > HandleSealer.LongestData)
        {
            throw new ProblemException("bad_request", $"the derivation data has {data.Length} bytes, and may have {HandleSealer.LongestData}", "hash it first", 400);
        }

        CheckUsage(slot.KeyId, SecretOf(slot), SecretUsage.Derive);
        return _sealer.SealDerived(slot.KeyId, data);
    }

    /// <summary>Takes a derived key out.</summary>
    /// <param name="key">Room for 32 bytes.</param>
    /// <exception cref="ProblemException"><c>handle_invalid</c>: the handle is not that of a derived key.</exception>
    public void Export(Caller caller, ReadOnlySpan<char> handle, Span<byte> key)
    {
        _ = OpenSecret(caller, handle, KeyRights.Export, key, out var derived);
        if (derived) return;
        throw new ProblemException("handle_invalid", "that is not the handle of a derived key", "only derived keys are exported; derive one with POST /derivedkey", 400);
    }

    /// <summary>HMAC-SHA256 with a symmetric key, or with a derived one.</summary>
    /// <param name="mac">Room for 32 bytes.</param>
    public void Mac(Caller caller, ReadOnlySpan<char> handle, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        Span<byte> derivedKey = stackalloc byte[StoredSecret.Length];
        var secret = OpenSecret(caller, handle, KeyRights.Use, derivedKey, out var derived, SecretUsage.Sign);
        if (derived) HMACSHA256.HashData(derivedKey, message, mac);
        else secret.Mac(message, mac);
        Interlocked.Increment(ref _macs);
        CryptographicOperations.ZeroMemory(derivedKey);
    }

    /// <summary>AES-256-GCM with a symmetric key, or with a derived one: version, ciphertext, tag.</summary>
    /// <param name="output"><see cref="SealedOverhead"/> longer than the plaintext.</param>
    public void Encrypt(
        Caller caller, ReadOnlySpan<char> handle, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> output)
    {
        CheckIv(iv);
        Span<byte> derivedKey = stackalloc byte[StoredSecret.Length];
        var secret = OpenSecret(caller, handle, KeyRights.Use, derivedKey, out var derived, SecretUsage.Encrypt);
        output[0] = SealedVersion;
        if (derived) AesGcmCipher.Encrypt(derivedKey, iv, aad, plaintext, output[1..]);
        else secret.Encrypt(iv, aad, plaintext, output[1..]);
        CryptographicOperations.ZeroMemory(derivedKey);
    }

    /// <summary>What <see cref="Encrypt"/> was given.</summary>
    /// <returns>The plaintext, to be zeroed by the caller.</returns>
    /// <exception cref="ProblemException"><c>ciphertext_invalid</c>.</exception>
    public byte[] Decrypt(Caller caller, ReadOnlySpan<char> handle, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> ciphertext)
    {
        CheckIv(iv);
        Span<byte> derivedKey = stackalloc byte[StoredSecret.Length];
        var secret = OpenSecret(caller, handle, KeyRights.Use, derivedKey, out var derived, SecretUsage.Encrypt);
        if (ciphertext.Length < SealedOverhead || ciphertext[0] is not (SealedVersion or OldVersion)) throw Ciphers.Invalid("this key");
        var sealedText = ciphertext[1..];
        if (ciphertext[0] == OldVersion) sealedText = (byte[])[.. sealedText[Ciphers.TagLength..], .. sealedText[..Ciphers.TagLength]];

        var plaintext = new byte[ciphertext.Length - SealedOverhead];
        if (!derived) secret.Decrypt(iv, aad, sealedText, plaintext);
        else if (!AesGcmCipher.Decrypt(derivedKey, iv, aad, sealedText, plaintext)) throw Ciphers.Invalid("this derived key");
        CryptographicOperations.ZeroMemory(derivedKey);
        return plaintext;
    }

    /// <summary>RSA-OAEP with the private key that a handle names.</summary>
    /// <param name="plaintext">Room for <see cref="StoredKey.LongestSignature"/>.</param>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ProblemException"><c>ciphertext_invalid</c>, <c>key_type</c>.</exception>
    public int DecryptOaep(Caller caller, ReadOnlySpan<char> handle, HashAlgorithmName hash, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
        var slot = Open(caller, handle, KeyRights.Use, scope, out var pinned);
        var key = pinned ? Pinned(slot, scope) : Current(slot) ?? throw NotFound(slot);
        if (!key.Public.IsRsa) throw new ProblemException("key_type", $"key '{slot.KeyId}' is {key.Public.Description}, which cannot decrypt", "use an RSA key", 400);
        if (ciphertext.Length != key.Public.FieldBytes) throw Ciphers.Invalid($"key '{slot.KeyId}'");
        return key.Decrypt(hash, ciphertext, plaintext);
    }

    /// <summary>The symmetric key of a handle; of a derived one, the base key, and the derived key itself.</summary>
    /// <param name="derivedKey">Room for 32 bytes, to be zeroed by the caller.</param>
    /// <param name="usage">What a key that is not derived has to be for; a derived one is for everything.</param>
    private StoredSecret OpenSecret(
        Caller caller, ReadOnlySpan<char> handle, KeyRights right, Span<byte> derivedKey, out bool derived, SecretUsage usage = SecretUsage.None)
    {
        Span<char> id = stackalloc char[HandleSealer.LongestId];
        Span<byte> data = stackalloc byte[HandleSealer.LongestData];
        derived = _sealer.TryOpenDerived(handle, id, out var idLength, data, out var dataLength);
        if (!derived)
        {
            Span<byte> scope = stackalloc byte[HandleSealer.ScopeLength];
            var direct = Open(caller, handle, right, scope, out _);
            var secret = SecretOf(direct);
            CheckUsage(direct.KeyId, secret, usage);
            return secret;
        }

        _authorizer.DemandDerived(caller, id[..idLength], data[..dataLength], right);
        var slot = Open(id[..idLength]);
        var baseKey = SecretOf(slot);
        CheckUsage(slot.KeyId, baseKey, SecretUsage.Derive);
        baseKey.Mac(data[..dataLength], derivedKey);
        return baseKey;
    }

    private static StoredSecret SecretOf(KeySlot slot)
    {
        if (slot.Source is { IsSecret: true } source) return source.LoadSecret();
        if (slot.State.Secret is { } secret) return secret;
        throw slot.Source is not null || slot.State.Current is not null ? NotASecret(slot.KeyId) : SecretNotFound(slot.KeyId);
    }

    private static void CheckUsage(string keyId, StoredSecret secret, SecretUsage usage)
    {
        if ((secret.Usage & usage) == usage) return;
        throw new ProblemException("key_usage", $"the symmetric key '{keyId}' is for {secret.Usage.Text()}, not for {usage.Text()}",
            "delete it and make it again with another usage, or use another key id", 400);
    }

    private static void CheckValue(SecretUsage usage, ReadOnlySpan<byte> value)
    {
        if (usage == SecretUsage.None) throw new ProblemException("bad_request", "the usage is empty", "usage is a list of derive, encrypt, sign", 400);
        if (value.IsEmpty) return;
        if (usage.HasFlag(SecretUsage.Encrypt) && value.Length != StoredSecret.Length)
            throw new ProblemException("bad_request",
                $"keyBytes has {value.Length} bytes, and a key that encrypts (AES-256) has {StoredSecret.Length}",
                "send a key of that length, or without encrypt in its usage", 400);
        if (value.Length is < StoredSecret.Shortest or > StoredSecret.Longest)
            throw new ProblemException("bad_request",
                $"keyBytes has {value.Length} bytes, and may have {StoredSecret.Shortest} to {StoredSecret.Longest}",
                "send a key of such a length; of a longer one, HMAC-SHA256 uses the SHA-256 (RFC 2104)", 400);
    }

    private static void CheckIv(ReadOnlySpan<byte> iv)
    {
        if (iv.Length is not (0 or > StoredSecret.LongestIv)) return;
        throw new ProblemException("bad_request", $"parameters.iv has 1 to {StoredSecret.LongestIv} bytes",
            "send 12 random bytes, new ones each time", 400);
    }

    private static ProblemException SecretNotFound(string keyId) => new("key_not_found", $"there is no symmetric key '{keyId}'", "create it with POST /key", 404);

    private static ProblemException NotASecret(string keyId) => new("key_type", $"key '{keyId}' is a key pair", "use another key id, or the operations of key pairs", 400);

    private static ProblemException NotAPair(string keyId) => new("key_type", $"key '{keyId}' is a symmetric key", "use another key id, or the operations of symmetric keys", 400);
}
