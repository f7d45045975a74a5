using System.Text;
using Net.Pkcs11Interop.LowLevelAPI80;

namespace EstProv.Keys.Pkcs11;

/// <summary>What CK_TOKEN_INFO says, with the padding removed.</summary>
internal sealed record TokenFacts(ulong Slot, string Label, string Manufacturer, string Model, string Serial, ulong Flags, ulong MostSessions, ulong MostWriting)
{
    public string Description => $"token '{Label}' in slot {Slot}";

    public bool Has(ulong flag) => (Flags & flag) != 0;

    public static TokenFacts From(ulong slot, in CK_TOKEN_INFO info) => new(slot, Text(info.Label), Text(info.ManufacturerId), Text(info.Model),
        Text(info.SerialNumber), info.Flags, info.MaxSessionCount, info.MaxRwSessionCount);

    /// <summary>How many sessions of one kind it allows to this process; null where it has no limit or does not say.</summary>
    public ulong? LimitOf(bool writing)
    {
        var limit = IsLimit(MostSessions) ? MostSessions : (ulong?)null;
        return writing && IsLimit(MostWriting) && MostWriting < (limit ?? ulong.MaxValue) ? MostWriting : limit;
    }

    // CK_EFFECTIVELY_INFINITE is 0, CK_UNAVAILABLE_INFORMATION all ones, which some modules write as 32 bits.
    private static bool IsLimit(ulong count) => count is > 0 and < uint.MaxValue;

    /// <summary>A blank-padded field; some modules end it with a NUL.</summary>
    public static string Text(byte[]? field)
    {
        if (field is null) return "";
        var end = Array.IndexOf(field, (byte)0);
        return Encoding.UTF8.GetString(field, 0, end < 0 ? field.Length : end).TrimEnd(' ');
    }
}
