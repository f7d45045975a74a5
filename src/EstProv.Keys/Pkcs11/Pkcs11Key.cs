using System.Security.Cryptography;
using EstProv.Keys.Client;
using EstProv.Keys.Stores;
using EstProv.Platform;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>A private key in a token.</summary>
internal sealed class Pkcs11Key : StoredKey
{
    private const ulong EdDsa = 0x1057; // CKM_EDDSA, PKCS#11 v3.0; without parameters: pure Ed25519

    private readonly TokenLink _link;
    private readonly ObjectName _name;
    private volatile Place? _place;

    /// <param name="place">Where it was just seen, if it was.</param>
    public Pkcs11Key(TokenLink link, ObjectName name, PublicKeyInfo publicKey, Place? place = null)
        : base(publicKey)
    {
        _link = link;
        _name = name;
        _place = place;
    }

    public override void Probe() => _link.With($"looking for {_name.Text}", writing: false,
        (Pkcs11Token token, Pkcs11Session session, out Place place) => Locate(token, session, out place));

    public override int Sign(SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> signature)
    {
        Span<byte> prepared = stackalloc byte[DigestAlgorithms.LongestDigestInfo];
        var data = scheme == SignatureScheme.EdDsa ? digest : prepared[..Prepare(scheme, hash, digest, prepared)];
        var attempts = new TokenAttempts(_link);
        while (true)
        {
            var token = attempts.Connect();
            var result = Sign(token, scheme, hash, data, signature, out var written);
            if (result == CKR.CKR_OK) return written;
            // It may be the first sign of a lost login, which the search for the object shows next.
            if (Pkcs11Problem.IsStaleObject(result)) _place = null;
            if (!attempts.MayGoOn(token, result)) throw _link.Failed(result, $"signing with {_name.Text}", token);
        }
    }

    public override int Decrypt(HashAlgorithmName hash, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext)
    {
        if (!Public.IsRsa) return base.Decrypt(hash, ciphertext, plaintext);
        var sealedBytes = ciphertext.ToArray();
        var opened = _link.With($"decrypting with {_name.Text}", writing: false, (Pkcs11Token token, Pkcs11Session session, out byte[] result) =>
        {
            result = [];
            var found = At(token, session, out var place);
            if (found == CKR.CKR_OK) found = OaepDecryption.Run(token, session, place, hash, sealedBytes, _name.Text, out result);
            if (Pkcs11Problem.IsStaleObject(found)) _place = null;
            return found;
        });
        opened.CopyTo(plaintext);
        CryptographicOperations.ZeroMemory(opened);
        return opened.Length;
    }

    private int Prepare(SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> digest, Span<byte> data)
    {
        if (scheme == SignatureScheme.RsaPkcs1) return hash.WriteDigestInfo(digest, data);
        // ECDSA uses the leftmost bits (FIPS 186-5 section 6.4.1); not every token cuts the digest itself.
        if (scheme == SignatureScheme.Ecdsa && digest.Length > Public.FieldBytes) digest = digest[..Public.FieldBytes];
        digest.CopyTo(data);
        return digest.Length;
    }

    private CKR Sign(
        Pkcs11Token token, SignatureScheme scheme, DigestAlgorithm hash, ReadOnlySpan<byte> data, Span<byte> signature, out int written)
    {
        written = 0;
        var result = token.Rent(out var session);
        if (result != CKR.CKR_OK) return result;
        try
        {
            result = At(token, session, out var place);
            if (result != CKR.CKR_OK) return result;
            result = Sign(session, place, scheme, hash, data, out var raw);
            if (result != CKR.CKR_OK) return result;
            if (scheme == SignatureScheme.Ecdsa)
            {
                written = EcdsaSignature.WriteDer(raw, signature);
            }
            else
            {
                raw.CopyTo(signature);
                written = raw.Length;
            }

            return CKR.CKR_OK;
        }
        finally
        {
            token.Return(session, sound: result == CKR.CKR_OK);
        }
    }

    private unsafe CKR Sign(
        Pkcs11Session session, Place place, SignatureScheme scheme, DigestAlgorithm hash, scoped ReadOnlySpan<byte> data, out ReadOnlySpan<byte> raw)
    {
        var mechanism = new CK_MECHANISM
        {
            Mechanism = scheme switch
            {
                SignatureScheme.Ecdsa => (ulong)CKM.CKM_ECDSA,
                SignatureScheme.EdDsa => EdDsa,
                _ => (ulong)CKM.CKM_RSA_PKCS,
            },
        };
        if (scheme != SignatureScheme.RsaPss) return session.Sign(ref mechanism, place.Key, data, out raw, place.Unlock);

        // CK_RSA_PKCS_PSS_PARAMS: hashAlg, mgf, sLen (PKCS#11 v2.40 section 2.1.9), three CK_ULONG
        var (digest, mask) = hash switch
        {
            DigestAlgorithm.Sha256 => (CKM.CKM_SHA256, CKG.CKG_MGF1_SHA256),
            DigestAlgorithm.Sha384 => (CKM.CKM_SHA384, CKG.CKG_MGF1_SHA384),
            _ => (CKM.CKM_SHA512, CKG.CKG_MGF1_SHA512),
        };
        var parameters = stackalloc ulong[] { (ulong)digest, (ulong)mask, (ulong)hash.Length() };
        mechanism.Mechanism = (ulong)CKM.CKM_RSA_PKCS_PSS;
        mechanism.Parameter = (IntPtr)parameters;
        mechanism.ParameterLen = 3 * sizeof(ulong);
        var result = session.Sign(ref mechanism, place.Key, data, out raw, place.Unlock);
        if (result is not (CKR.CKR_MECHANISM_INVALID or CKR.CKR_MECHANISM_PARAM_INVALID)) return result;

        // The padding is made here, and the token computes with its key only.
        Span<byte> encoded = stackalloc byte[StoredKey.LongestSignature];
        if (!PssEncoding.TryEncode(hash, data, Public.Modulus, encoded)) return result;
        var plain = new CK_MECHANISM { Mechanism = (ulong)CKM.CKM_RSA_X_509 };
        return session.Sign(ref plain, place.Key, encoded[..Public.FieldBytes], out raw, place.Unlock);
    }

    private CKR At(Pkcs11Token token, Pkcs11Session session, out Place place)
    {
        place = _place!;
        return place is not null && place.Token == token ? CKR.CKR_OK : Locate(token, session, out place);
    }

    // The object may have another handle now. It may also be another key under the same name, which is not what was asked for.
    private CKR Locate(Pkcs11Token token, Pkcs11Session session, out Place place)
    {
        place = null!;
        try
        {
            var result = Search(token, session, out var found);
            if (result == CKR.CKR_OK) result = session.Trouble;
            if (result == CKR.CKR_OK) _place = place = found;
            return result;
        }
        catch (ProblemException) when (session.Trouble != CKR.CKR_OK)
        {
            return session.Trouble;
        }
    }

    private CKR Search(Pkcs11Token token, Pkcs11Session session, out Place place)
    {
        place = null!;
        var result = _name.Find(token, session, out var key);
        if (result != CKR.CKR_OK) return result;
        if (!IsOurs(session, key))
        {
            throw new ProblemException("key_not_found", $"{token.Description} holds another key now for {_name.Text}",
                "load the key pair again", 404);
        }

        place = Place.Of(token, session, key);
        return CKR.CKR_OK;
    }

    private bool IsOurs(Pkcs11Session session, ulong key)
    {
        try
        {
            return PublicKeyReader.Read(session, key, _name.Text).Matches(Public.Sha256);
        }
        catch (ProblemException problem) when (problem.Code == "key_public_missing" && _name is { Id.Length: 16, Label: null })
        {
            // A token without room for the public half: the random name says enough.
            return true;
        }
    }

    /// <summary>An object's handle, good in one life of one token.</summary>
    /// <param name="Unlock">For a key with CKA_ALWAYS_AUTHENTICATE.</param>
    internal sealed record Place(Pkcs11Token Token, ulong Key, Func<Pkcs11Session, CKR>? Unlock)
    {
        public static Place Of(Pkcs11Token token, Pkcs11Session session, ulong key) =>
            new(token, key, session.ReadFlag(key, CKA.CKA_ALWAYS_AUTHENTICATE) == true ? token.LoginForUse : null);
    }
}
