using System.Security.Cryptography;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>A key that the operator made in a token.</summary>
internal sealed class Pkcs11KeySource : KeySource
{
    private const string SecretType = "secret-key"; // RFC 7512 section 2.3

    /// <summary>Of a CKA_ID that the URI does not name.</summary>
    private const int IdLength = 16;

    private readonly TokenLink _link;
    private readonly ObjectName _name;
    private volatile Pkcs11Key? _last;

    /// <exception cref="ProblemException"><c>bad_uri</c>: the URI names no key.</exception>
    public Pkcs11KeySource(TokenLink link, string where)
    {
        Check(link.Uri, where);
        _link = link;
        _name = new ObjectName(link.Uri.Id, link.Uri.Object, link.Uri.ToString());
    }

    public override string Description => _name.Text;

    public override bool IsSecret => _link.Uri.Type == SecretType;

    /// <param name="where">The place in the configuration, for the message.</param>
    /// <exception cref="ProblemException"><c>bad_uri</c>: the URI names no key.</exception>
    public static void Check(Pkcs11Uri uri, string where)
    {
        if (uri.Object is null && uri.Id is null)
            throw new ProblemException("bad_uri", $"{where}: {uri} names no key", "add object=NAME or id=%01 (RFC 7512)", 400);
        if (uri.Type is not (null or "private" or SecretType))
        {
            throw new ProblemException("bad_uri", $"{where}: {uri} has type={uri.Type}, a private or a symmetric key is wanted",
                "write type=private or type=secret-key, or leave it out for a private key", 400);
        }
    }

    /// <summary>Refuses a key that says itself that it may not sign, before somebody needs it.</summary>
    public override StoredKey Load() => _link.With($"reading {_name.Text}", writing: false, (Pkcs11Token token, Pkcs11Session session, out Pkcs11Key key) =>
    {
        key = null!;
        var result = _name.Find(token, session, out var handle);
        if (result != CKR.CKR_OK) return result;
        if (session.ReadFlag(handle, CKA.CKA_SIGN) == false)
            throw Pkcs11Problem.Explain(CKR.CKR_KEY_FUNCTION_NOT_PERMITTED, $"signing with {_name.Text}", token.Description);
        var publicKey = PublicKeyReader.Read(session, handle, _name.Text);
        // The same key stays the same object, with what it has cached.
        key = _last is { } last && last.Public.Matches(publicKey.Sha256)
            ? last
            : new Pkcs11Key(_link, _name, publicKey, Pkcs11Key.Place.Of(token, session, handle));
        _last = key;
        return CKR.CKR_OK;
    });

    public override StoredKey Create(KeyAlgorithm algorithm)
    {
        if (_name.Label is not { } label)
        {
            throw new ProblemException("key_unnamed", $"{_name.Text} has no object label under which a key could be made", "add object=NAME to the URI in [preloaded_keys]",
                400);
        }

        var id = _name.Id ?? RandomNumberGenerator.GetBytes(IdLength);
        var unusable = false;
        _link.With($"generating {_name.Text} ({algorithm.Name()})", writing: true, (Pkcs11Token token, Pkcs11Session session, out bool done) =>
        {
            done = true;
            // A token may have made the pair and reported an error all the same, after which this runs once more.
            var result = session.Find(_name.Template(CKO.CKO_PRIVATE_KEY), 1, out var found);
            if (result != CKR.CKR_OK || found.Length > 0) return result;
            result = KeyPairGeneration.Run(token, session, id, label, algorithm, keepPublic: true, out var publicKey, out var privateKey);
            if (result != CKR.CKR_OK) return result;
            result = KeyPairGeneration.Try(session, Pkcs11Key.Place.Of(token, session, privateKey), algorithm, out unusable);
            if (!unusable) return result;
            foreach (var made in (ReadOnlySpan<ulong>)[privateKey, publicKey]) _ = token.Library.C_DestroyObject(session.Handle, made);
            return result;
        });
        return Load();
    }

    public override StoredSecret LoadSecret() => _link.With($"reading {_name.Text}", writing: false, (Pkcs11Token token, Pkcs11Session session, out Pkcs11Secret key) =>
    {
        key = null!;
        var result = SecretObjects.Find(token, session, _name, out var objects);
        if (result == CKR.CKR_OK) key = new Pkcs11Secret(_link, _name, objects.Usage);
        return result;
    });
}
