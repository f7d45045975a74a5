namespace EstProv.LocalApi.Server;

/// <summary>Percent-decoding (RFC 3986 section 2.1). A '+' stays a '+'.</summary>
internal static class Percent
{
    /// <summary>False when a '%' is not followed by two hexadecimal digits.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, Span<byte> decoded, out int length)
    {
        length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            var b = encoded[i];
            if (b == '%')
            {
                if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit((char)encoded[i + 1]) || !char.IsAsciiHexDigit((char)encoded[i + 2])) return false;
                b = (byte)(Digit(encoded[i + 1]) << 4 | Digit(encoded[i + 2]));
                i += 2;
            }

            decoded[length++] = b;
        }

        return true;
    }

    private static int Digit(byte hexadecimal) => hexadecimal <= '9' ? hexadecimal - '0' : (hexadecimal | 0x20) - 'a' + 10;
}
