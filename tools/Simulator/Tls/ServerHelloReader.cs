using System.Buffers.Binary;

namespace EstProv.Simulator.Tls;

/// <summary>
/// Tells a resumed handshake from a full one by what the server sends in the clear, since SslStream does not tell: in TLS 1.3 the
/// ServerHello's pre_shared_key extension (RFC 8446 section 4.2.11), in TLS 1.2 the absence of a Certificate message (RFC 5246 section 7.3).
/// </summary>
public static class ServerHelloReader
{
    private const byte ChangeCipherSpec = 20;
    private const byte Handshake = 22;
    private const byte ServerHello = 2;
    private const byte Certificate = 11;
    private const int SupportedVersions = 43;
    private const int PreSharedKey = 41;

    // RFC 8446 section 4.1.3: the random that makes a ServerHello a HelloRetryRequest.
    private static ReadOnlySpan<byte> RetryRandom =>
    [
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
        0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
    ];

    /// <summary>Judges the bytes sent so far; null = not to be told yet, or no TLS.</summary>
    public static bool? IsResumed(ReadOnlySpan<byte> sent)
    {
        var helloOfTls12 = false;
        while (sent.Length >= 5)
        {
            var type = sent[0];
            var length = BinaryPrimitives.ReadUInt16BigEndian(sent[3..]);
            if (sent.Length < 5 + length)
            {
                return null;
            }

            var record = sent.Slice(5, length);
            sent = sent[(5 + length)..];
            if (type == ChangeCipherSpec && helloOfTls12)
            {
                return true;
            }

            while (type == Handshake && record.Length >= 4)
            {
                var size = (record[1] << 16) | (record[2] << 8) | record[3];
                if (record.Length < 4 + size)
                {
                    break;
                }

                var message = record.Slice(4, size);
                if (helloOfTls12)
                {
                    return record[0] != Certificate;
                }

                if (record[0] == ServerHello && message.Length > 38 && !message.Slice(2, 32).SequenceEqual(RetryRandom))
                {
                    var (is13, psk) = Extensions(message);
                    if (is13)
                    {
                        return psk;
                    }

                    helloOfTls12 = true;
                }

                record = record[(4 + size)..];
            }
        }

        return null;
    }

    private static (bool Is13, bool Psk) Extensions(ReadOnlySpan<byte> hello)
    {
        var rest = hello[34..];
        rest = rest[(1 + rest[0])..];
        if (rest.Length < 5)
        {
            return (false, false);
        }

        rest = rest[5..];
        var is13 = false;
        var psk = false;
        while (rest.Length >= 4)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(rest);
            var length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            if (rest.Length < 4 + length)
            {
                break;
            }

            is13 |= type == SupportedVersions && length == 2 && rest[5] == 4;
            psk |= type == PreSharedKey;
            rest = rest[(4 + length)..];
        }

        return (is13, psk);
    }
}
