using System.Security.Cryptography;
using EstProv.Keys.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>
/// A symmetric key in a token. PKCS#11 gives a key one type: one that is to compute MACs and to encrypt is two objects of one name,
/// CKK_GENERIC_SECRET and CKK_AES.
/// </summary>
internal sealed class Pkcs11Secret(TokenLink link, ObjectName name, SecretUsage usage) : StoredSecret(usage)
{
    private volatile Place? _place;

    public override void Probe() => link.With($"looking for {name.Text}", writing: false,
        (Pkcs11Token token, Pkcs11Session session, out Place place) => Locate(token, session, out place));

    public override void Mac(ReadOnlySpan<byte> message, Span<byte> mac)
    {
        var attempts = new TokenAttempts(link);
        while (true)
        {
            var token = attempts.Connect();
            var result = Mac(token, message, mac);
            if (result == CKR.CKR_OK) return;
            if (Pkcs11Problem.IsStaleObject(result)) _place = null; // as for a private key
            if (!attempts.MayGoOn(token, result)) throw link.Failed(result, $"HMAC-SHA256 with {name.Text}", token);
        }
    }

    public override void Encrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> plaintext, Span<byte> sealedText) =>
        Cipher("encrypting", encrypt: true, iv, aad, plaintext, sealedText);

    public override void Decrypt(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> sealedText, Span<byte> plaintext) =>
        Cipher("decrypting", encrypt: false, iv, aad, sealedText, plaintext);

    private CKR Mac(Pkcs11Token token, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        var result = token.Rent(out var session);
        if (result != CKR.CKR_OK) return result;
        try
        {
            result = At(token, session, out var place);
            if (result != CKR.CKR_OK) return result;
            var mechanism = new CK_MECHANISM { Mechanism = (ulong)CKM.CKM_SHA256_HMAC };
            result = session.Sign(ref mechanism, place.MacKey, message, out var made);
            if (result != CKR.CKR_OK) return result;
            made[..Length].CopyTo(mac);
            return CKR.CKR_OK;
        }
        finally
        {
            token.Return(session, sound: result == CKR.CKR_OK);
        }
    }

    private void Cipher(string what, bool encrypt, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> input, Span<byte> output)
    {
        var (ivCopy, aadCopy, inputCopy) = (iv.ToArray(), aad.ToArray(), input.ToArray());
        try
        {
            var done = link.With($"{what} with {name.Text}", writing: false, (Pkcs11Token token, Pkcs11Session session, out byte[] result) =>
            {
                result = [];
                var found = At(token, session, out var place);
                if (found != CKR.CKR_OK) return found;
                found = GcmOperation.Run(token, session, place.CipherKey, encrypt, ivCopy, aadCopy, inputCopy, name.Text, out result);
                if (Pkcs11Problem.IsStaleObject(found)) _place = null;
                return found;
            });
            done.CopyTo(output);
            CryptographicOperations.ZeroMemory(done);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(inputCopy);
        }
    }

    private CKR At(Pkcs11Token token, Pkcs11Session session, out Place place)
    {
        var known = _place;
        if (known is null || known.Token != token) return Locate(token, session, out place);
        place = known;
        return CKR.CKR_OK;
    }

    private CKR Locate(Pkcs11Token token, Pkcs11Session session, out Place place)
    {
        place = null!;
        var result = SecretObjects.Find(token, session, name, out var objects);
        if (result != CKR.CKR_OK) return result;
        _place = place = new Place(token, objects.MacKey, objects.CipherKey);
        return CKR.CKR_OK;
    }

    /// <summary>The objects' handles, good in one life of one token; 0 where there is none.</summary>
    private sealed record Place(Pkcs11Token Token, ulong MacKey, ulong CipherKey);
}
