using System.Security.Cryptography;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>Keys in a token (PKCS#11 v2.40). New ones are generated in the token that <c>base_slot</c> names.</summary>
/// <remarks>
/// An object of ours has CKA_LABEL = key id and CKA_ID = <see cref="StorageId"/>; nothing in the token is ever renamed, and only objects
/// with a CKA_ID of ours are destroyed.
/// </remarks>
internal sealed class Pkcs11KeyStore(Pkcs11Connection connection, Pkcs11Uri baseSlot) : IKeyStore
{
    public const string StoreName = "pkcs11";

    private readonly TokenLink _link = new(connection, baseSlot);

    public string Name => StoreName;

    /// <summary>Connects now, so that the first request need not wait.</summary>
    /// <exception cref="ProblemException"><c>module_*</c>, <c>token_*</c>, <c>pin_*</c>.</exception>
    public TokenFacts Connect() => _link.Connect().Facts;

    /// <summary>Whether the token answers, and knows the login still; it is opened again where not.</summary>
    /// <exception cref="ProblemException"><c>module_*</c>, <c>token_*</c>, <c>pin_*</c>.</exception>
    public TokenFacts Look() => _link.With("looking at the token", writing: false,
        static (Pkcs11Token token, Pkcs11Session session, out TokenFacts facts) =>
    {
        facts = token.Facts;
        return token.CheckLogin(session);
    });

    public void Prepare() => _link.Connect();

    /// <summary>Whether keys can be generated, replaced and destroyed here; leaves nothing behind.</summary>
    /// <exception cref="ProblemException"><c>token_read_only</c>, <c>token_no_destroy</c>, <c>mechanism_missing</c> and so on.</exception>
    public void Try() => _link.With<bool>("trying the token", writing: true, TokenTrial.Run);

    public StoredKey Generate(StorageId id, string keyId, KeyAlgorithm algorithm)
    {
        var (repeated, unusable) = (false, false);
        try
        {
            return _link.With($"generating key '{keyId}' ({algorithm.Name()})", writing: true, (Pkcs11Token token, Pkcs11Session session, out Pkcs11Key key) =>
            {
                key = null!;
                // A token may have made the pair and reported an error all the same: two of one name could not be told apart.
                if (repeated && DestroyAll(token, session, id) is var cleared && cleared != CKR.CKR_OK) return cleared;
                repeated = true;
                var result = KeyPairGeneration.Run(token, session, id.ToBytes(), keyId, algorithm, keepPublic: true, out var publicKey, out var privateKey);
                if (KeyPairGeneration.IsDoubtful(result))
                {
                    if (DestroyAll(token, session, id) is var rest && rest != CKR.CKR_OK) return rest;
                    result = KeyPairGeneration.Run(token, session, id.ToBytes(), keyId, algorithm, keepPublic: true, out publicKey, out privateKey);
                }

                // A token with room for one more object: the public half is in the index too, and need not stay in the token.
                var alone = result == CKR.CKR_DEVICE_MEMORY;
                if (alone) result = KeyPairGeneration.Run(token, session, id.ToBytes(), keyId, algorithm, keepPublic: false, out publicKey, out privateKey);
                if (result != CKR.CKR_OK) return result;

                var name = new ObjectName(id.ToBytes(), null, $"key '{keyId}'");
                CheckName(token, session, id, publicKey, privateKey);
                var info = PublicKeyReader.FromPublic(session, publicKey) ?? PublicKeyReader.Read(session, privateKey, name.Text);
                if (alone) _ = token.Library.C_DestroyObject(session.Handle, publicKey);
                var place = Pkcs11Key.Place.Of(token, session, privateKey);
                result = KeyPairGeneration.Try(session, place, algorithm, out unusable);
                key = new Pkcs11Key(_link, name, info, place);
                return result;
            });
        }
        catch (ProblemException) when (unusable)
        {
            Destroy(id);
            throw;
        }
    }

    public StoredKey Open(StorageId id, string keyId, PublicKeyInfo publicKey) =>
        new Pkcs11Key(_link, new ObjectName(id.ToBytes(), null, $"key '{keyId}'"), publicKey);

    public StoredSecret CreateSecret(StorageId id, string keyId, SecretUsage usage, ReadOnlySpan<byte> value)
    {
        var copy = value.ToArray();
        try
        {
            var repeated = false;
            _link.With($"making the symmetric key '{keyId}'", writing: true, (Pkcs11Token token, Pkcs11Session session, out bool done) =>
            {
                done = true;
                if (repeated && DestroyAll(token, session, id) is var cleared && cleared != CKR.CKR_OK) return cleared;
                repeated = true;
                return SecretCreation.Run(token, session, id, keyId, usage, copy);
            });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }

        var secret = OpenSecret(id, keyId, usage);
        SecretTrial.Run(secret, $"key '{keyId}'");
        return secret;
    }

    public StoredSecret OpenSecret(StorageId id, string keyId, SecretUsage usage) => new Pkcs11Secret(_link, new ObjectName(id.ToBytes(), null, $"key '{keyId}'"), usage);

    public void Destroy(StorageId id) => _link.With("destroying a key", writing: true, (Pkcs11Token token, Pkcs11Session session, out bool done) =>
    {
        done = true;
        return DestroyAll(token, session, id);
    });

    // Not by class: whatever carries the random id came from us, the public half included.
    private static CKR DestroyAll(Pkcs11Token token, Pkcs11Session session, StorageId id)
    {
        const int Most = 8;
        // Without the login only the public half would be found, and the private one left behind.
        var result = token.CheckLogin(session);
        if (result != CKR.CKR_OK) return result;
        var name = new AttributeTemplate().Add(CKA.CKA_ID, id.ToBytes());
        result = session.Find(name, Most, out var objects);
        if (result != CKR.CKR_OK) return result;
        var stale = CKR.CKR_OK;
        foreach (var found in objects)
        {
            result = token.Library.C_DestroyObject(session.Handle, found);
            if (TokenTrial.IsUnable(result)) throw TokenTrial.CannotDestroy(token);
            if (result == CKR.CKR_OBJECT_HANDLE_INVALID) stale = result;
            else if (result != CKR.CKR_OK) return result;
        }

        if (stale == CKR.CKR_OK) return CKR.CKR_OK;
        // Some tokens destroy one half with the other; or it is there under another handle.
        result = session.Find(name, 1, out objects);
        return result != CKR.CKR_OK ? result : objects.Length == 0 ? CKR.CKR_OK : stale;
    }

    // A key that has lost its name could neither be found nor destroyed later.
    private static void CheckName(Pkcs11Token token, Pkcs11Session session, StorageId id, ulong publicKey, ulong privateKey)
    {
        if (session.Read(privateKey, CKA.CKA_ID) is { } kept && kept.AsSpan().SequenceEqual(id.ToBytes()) || session.Trouble != CKR.CKR_OK) return;
        foreach (var made in (ReadOnlySpan<ulong>)[privateKey, publicKey]) _ = token.Library.C_DestroyObject(session.Handle, made);
        throw new ProblemException("token_no_id", $"{token.Description} does not keep the CKA_ID of a key that it generates",
            "ask the vendor for a module that does, or generate keys with its own tool and preload them", 503);
    }

    public void Dispose() => connection.Dispose();
}
