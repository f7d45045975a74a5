using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Pkcs11;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;
using Pkcs11Uri = EstProv.Keys.Pkcs11.Pkcs11Uri;

namespace EstProv.Keys.Tests;

/// <summary>Keys that the common tools cannot make. Making one needs that no daemon runs: the module is loaded once in a process.</summary>
internal static class OperatorKeys
{
    /// <summary>A P-256 pair whose private key may not sign.</summary>
    public static void MakeWithoutSign(SoftHsm token, string label)
    {
        using var module = Pkcs11Module.Load(SoftHsm.Module);
        var slot = SlotSearch.Find(module, Pkcs11Uri.Parse(token.TokenUri, "test")).Slot;
        ulong session = 0, publicKey = 0, privateKey = 0;
        Expect(module.Library.C_OpenSession(slot, CKF.CKF_SERIAL_SESSION | CKF.CKF_RW_SESSION, IntPtr.Zero, IntPtr.Zero, ref session));
        Expect(module.Library.C_Login(session, CKU.CKU_USER, "1234"u8.ToArray(), 4));
        var publicPart = new AttributeTemplate().Add(CKA.CKA_TOKEN, true).Add(CKA.CKA_LABEL, label)
            .Add(CKA.CKA_EC_PARAMS, [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]);
        var privatePart = new AttributeTemplate().Add(CKA.CKA_TOKEN, true).Add(CKA.CKA_LABEL, label).Add(CKA.CKA_PRIVATE, true).Add(CKA.CKA_SIGN, false)
            .Add(CKA.CKA_DERIVE, true);
        var mechanism = new CK_MECHANISM { Mechanism = (ulong)CKM.CKM_EC_KEY_PAIR_GEN };
        Expect(module.Library.C_GenerateKeyPair(session, ref mechanism, publicPart.ToArray(), publicPart.Count, privatePart.ToArray(), privatePart.Count,
            ref publicKey, ref privateKey));
        GC.KeepAlive(publicPart);
        GC.KeepAlive(privatePart);
    }

    /// <summary>Ends the login of every session of this process, as another user of the token's connection might.</summary>
    public static void LogOut()
    {
        // In the daemon's own life of the module.
        using var library = new Pkcs11Library(FaultyModule.Module);
        ulong session = 0, count = 8;
        var slots = new ulong[count];
        Expect(library.C_GetSlotList(true, slots, ref count));
        // Behind those with a token stands the free one.
        Expect(library.C_OpenSession(slots[0], CKF.CKF_SERIAL_SESSION, IntPtr.Zero, IntPtr.Zero, ref session));
        Expect(library.C_Logout(session));
        Expect(library.C_CloseSession(session));
    }

    private static void Expect(CKR result) => Assert.That(result, Is.EqualTo(CKR.CKR_OK));
}
