namespace EstProv.Keys.Stores;

/// <summary>
/// The two forms of an ECDSA signature: r and s side by side, each as long as the field (PKCS#11, IEEE P1363), and
/// <c>SEQUENCE { r INTEGER, s INTEGER }</c> (RFC 3279 section 2.2.3).
/// </summary>
internal static class EcdsaSignature
{
    /// <summary>Bytes of the longest DER form (P-521).</summary>
    public const int LongestDer = 3 + 2 * (2 + 67);

    /// <summary>Writes the DER form of <paramref name="raw"/>; returns its length.</summary>
    public static int WriteDer(ReadOnlySpan<byte> raw, Span<byte> destination)
    {
        var half = raw.Length / 2;
        var r = Trim(raw[..half]);
        var s = Trim(raw[half..]);
        var content = IntegerLength(r) + IntegerLength(s);

        var at = 0;
        destination[at++] = 0x30;
        if (content >= 0x80) destination[at++] = 0x81;
        destination[at++] = (byte)content;
        at += WriteInteger(r, destination[at..]);
        at += WriteInteger(s, destination[at..]);
        return at;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> number)
    {
        var start = 0;
        while (start < number.Length - 1 && number[start] == 0) start++;
        return number[start..];
    }

    private static int IntegerLength(ReadOnlySpan<byte> number) => 2 + number.Length + (number[0] >> 7);

    private static int WriteInteger(ReadOnlySpan<byte> number, Span<byte> destination)
    {
        var sign = number[0] >> 7; // a leading zero keeps the number positive
        destination[0] = 0x02;
        destination[1] = (byte)(number.Length + sign);
        destination[2] = 0;
        number.CopyTo(destination[(2 + sign)..]);
        return 2 + sign + number.Length;
    }
}
