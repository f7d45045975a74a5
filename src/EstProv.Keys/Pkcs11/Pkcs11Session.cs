using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>One open session, used by one thread at a time, with the buffers of its calls.</summary>
internal sealed class Pkcs11Session(Pkcs11Library library, ulong handle)
{
    private readonly byte[] _input = new byte[128];
    private readonly byte[] _output = new byte[Stores.StoredKey.LongestSignature];

    public ulong Handle => handle;

    /// <summary>When it was handed out, in milliseconds as <see cref="Environment.TickCount64"/> counts; guarded by the token.</summary>
    public long BusySince { get; set; }

    /// <summary>It was handed out for something that may take long.</summary>
    public bool IsPatient { get; set; }

    /// <summary>
    /// What kept an attribute or an object from being read, although it is no word about them; else CKR_OK. Whatever was concluded from their absence does not hold.
    /// </summary>
    public CKR Trouble { get; set; }

    /// <summary>C_SignInit and C_Sign.</summary>
    /// <param name="signature">Valid until the session is given back.</param>
    /// <param name="unlock">Run between the two, for a key that wants its PIN before every use.</param>
    public CKR Sign(scoped ref CK_MECHANISM mechanism, ulong key, scoped ReadOnlySpan<byte> data, out ReadOnlySpan<byte> signature,
        Func<Pkcs11Session, CKR>? unlock = null)
    {
        signature = default;
        // A message, which EdDSA and HMAC sign, may be longer than a digest.
        var input = data.Length <= _input.Length ? _input : new byte[data.Length];
        data.CopyTo(input);
        var result = library.C_SignInit(handle, ref mechanism, key);
        if (result != CKR.CKR_OK) return result;
        if (unlock is not null) result = unlock(this);
        if (result != CKR.CKR_OK) return result;
        var length = (ulong)_output.Length;
        result = library.C_Sign(handle, input, (ulong)data.Length, _output, ref length);
        if (result == CKR.CKR_OK) signature = _output.AsSpan(0, (int)length);
        return result;
    }

    /// <summary>CKR_USER_NOT_LOGGED_IN where the session sees public objects only (PKCS#11 v2.40 section 4.6.2).</summary>
    public CKR CheckLogin()
    {
        const ulong ReadOnlyUser = 1, ReadWriteUser = 3; // CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS
        var information = new CK_SESSION_INFO();
        var result = library.C_GetSessionInfo(handle, ref information);
        return result != CKR.CKR_OK ? result : information.State is ReadOnlyUser or ReadWriteUser ? CKR.CKR_OK : CKR.CKR_USER_NOT_LOGGED_IN;
    }

    /// <summary>The handles of the objects that match, at most <paramref name="most"/>.</summary>
    public CKR Find(AttributeTemplate template, int most, out ulong[] objects)
    {
        const int MostLookedAt = 2048;
        var result = Find(template.ToArray(), most, out objects);
        // Some tokens do not search by CKA_ID, and find nothing or refuse: then it is compared here.
        var again = result == CKR.CKR_OK ? objects.Length == 0 : result is CKR.CKR_ATTRIBUTE_TYPE_INVALID or CKR.CKR_ATTRIBUTE_VALUE_INVALID
            or CKR.CKR_TEMPLATE_INCONSISTENT or CKR.CKR_ARGUMENTS_BAD;
        if (again && template.Find(CKA.CKA_ID) is { Length: > 0 } id)
        {
            result = Find(template.Without(CKA.CKA_ID), MostLookedAt, out var all);
            if (result == CKR.CKR_OK) objects = Array.FindAll(all, found => Read(found, CKA.CKA_ID) is { } its && its.AsSpan().SequenceEqual(id));
            // An object that a power cut left half written has no class that could be read (SoftHSM2); it is nobody's, and hides no other.
            if (Trouble == CKR.CKR_ATTRIBUTE_VALUE_INVALID) Trouble = CKR.CKR_OK;
            if (result == CKR.CKR_OK) result = Trouble;
            if (objects.Length > most) objects = objects[..most];
        }

        GC.KeepAlive(template);
        return result;
    }

    private CKR Find(CK_ATTRIBUTE[] attributes, int most, out ulong[] objects)
    {
        objects = [];
        var result = library.C_FindObjectsInit(handle, attributes, (ulong)attributes.Length);
        if (result != CKR.CKR_OK) return result;
        const int Page = 64;
        var buffer = new ulong[Math.Min(most, Page)];
        var found = 0;
        // A module may hand out fewer than asked for although there are more.
        while (found < most)
        {
            if (found == buffer.Length) Array.Resize(ref buffer, Math.Min(most, found + Page));
            var page = new ulong[buffer.Length - found];
            ulong count = 0;
            result = library.C_FindObjects(handle, page, (ulong)page.Length, ref count);
            if (result != CKR.CKR_OK || count == 0) break;
            page.AsSpan(0, (int)count).CopyTo(buffer.AsSpan(found));
            found += (int)count;
        }

        var ended = library.C_FindObjectsFinal(handle);
        if (result == CKR.CKR_OK && Pkcs11Problem.IsLoss(ended)) result = ended;
        if (result == CKR.CKR_OK) objects = buffer[..found];
        return result;
    }

    /// <summary>An attribute's value; null where the object has none or does not show it, and after a <see cref="Trouble"/>.</summary>
    public byte[]? Read(ulong @object, CKA type)
    {
        var result = TryRead(@object, type, out var value);
        // A token may say this in passing.
        if (IsUnclear(result)) result = TryRead(@object, type, out value);
        // Some say it of an attribute that they do not know; but every object has a class.
        if (IsUnclear(result)) result = TryRead(@object, CKA.CKA_CLASS, out _);
        if (result is not (CKR.CKR_OK or CKR.CKR_ATTRIBUTE_SENSITIVE or CKR.CKR_ATTRIBUTE_TYPE_INVALID)) Trouble = result;
        return value;
    }

    private static bool IsUnclear(CKR result) => result is not (CKR.CKR_OK or CKR.CKR_ATTRIBUTE_SENSITIVE or CKR.CKR_ATTRIBUTE_TYPE_INVALID)
        && (!Pkcs11Problem.MayPass(result) || result is CKR.CKR_GENERAL_ERROR or CKR.CKR_FUNCTION_FAILED);

    private CKR TryRead(ulong @object, CKA type, out byte[]? value)
    {
        value = null;
        var template = new CK_ATTRIBUTE[] { new() { type = (ulong)type } };
        var result = library.C_GetAttributeValue(handle, @object, template, 1);
        if (result != CKR.CKR_OK || template[0].valueLen is 0 or > 64 * 1024) return result;

        var room = new AttributeTemplate().Add(type, new byte[template[0].valueLen]);
        var items = room.ToArray();
        result = library.C_GetAttributeValue(handle, @object, items, 1);
        if (result == CKR.CKR_OK) value = room.Value(0, (int)items[0].valueLen);
        GC.KeepAlive(room);
        return result;
    }

    /// <summary>A CK_ULONG; null where the object has none.</summary>
    public ulong? ReadNumber(ulong @object, CKA type) => Read(@object, type) is { Length: 8 } value ? BitConverter.ToUInt64(value) : null;

    /// <summary>A CK_BBOOL; null where the object has none.</summary>
    public bool? ReadFlag(ulong @object, CKA type) => Read(@object, type) is { Length: 1 } value ? value[0] != 0 : null;
}
