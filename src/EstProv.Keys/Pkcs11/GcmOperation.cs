using System.Security.Cryptography;
using EstProv.Keys.Stores;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>CKM_AES_GCM in one part (PKCS#11 v2.40 section 2.11): the tag stands behind the ciphertext.</summary>
internal static class GcmOperation
{
    public static CKR Run(Pkcs11Token token, Pkcs11Session session, ulong key, bool encrypt, byte[] iv, byte[] aad, byte[] input, string name, out byte[] output)
    {
        if (encrypt) return Run(token, session, key, encrypt, iv, aad, input, out output);
        byte[] text = [];
        var result = DecryptionResult.Of(session, token, on => Run(token, on, key, encrypt, iv, aad, input, out text));
        output = text;
        return DecryptionResult.Judge(result, session, token, name);
    }

    private static unsafe CKR Run(Pkcs11Token token, Pkcs11Session session, ulong key, bool encrypt, byte[] iv, byte[] aad, byte[] input, out byte[] output)
    {
        output = [];
        // Some modules take null with a length of zero for an error, or a buffer of no length for a question of its size.
        var aadAt = aad.Length > 0 ? aad : [0];
        var inputAt = input.Length > 0 ? input : [0];
        var room = new byte[input.Length + Ciphers.TagLength];
        var length = (ulong)room.Length;
        CKR result;
        fixed (byte* ivPointer = iv, aadPointer = aadAt)
        {
            // CK_GCM_PARAMS: pIv, ulIvLen, ulIvBits, pAAD, ulAADLen, ulTagBits
            var parameters = stackalloc ulong[]
            {
                (ulong)ivPointer, (ulong)iv.Length, (ulong)iv.Length * 8, aad.Length > 0 ? (ulong)aadPointer : 0, (ulong)aad.Length, Ciphers.TagLength * 8,
            };
            var mechanism = new CK_MECHANISM { Mechanism = (ulong)CKM.CKM_AES_GCM, Parameter = (IntPtr)parameters, ParameterLen = 6 * sizeof(ulong) };
            result = encrypt ? token.Library.C_EncryptInit(session.Handle, ref mechanism, key) : token.Library.C_DecryptInit(session.Handle, ref mechanism, key);
            if (result != CKR.CKR_OK) return result;
            result = encrypt
                ? token.Library.C_Encrypt(session.Handle, inputAt, (ulong)input.Length, room, ref length)
                : token.Library.C_Decrypt(session.Handle, inputAt, (ulong)input.Length, room, ref length);
        }

        if (result == CKR.CKR_OK) output = room[..(int)length];
        CryptographicOperations.ZeroMemory(room);
        return result;
    }
}
