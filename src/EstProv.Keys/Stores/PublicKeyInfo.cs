using System.Formats.Asn1;
using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>A public key as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 5480, RFC 8017), with the few facts that signing needs.</summary>
internal sealed class PublicKeyInfo
{
    private const string EcPublicKey = "1.2.840.10045.2.1";
    private const string RsaEncryption = "1.2.840.113549.1.1.1";
    private const string Ed25519Key = "1.3.101.112"; // RFC 8410

    private PublicKeyInfo(byte[] spki, KeyKind kind, int fieldBytes, byte[] first, byte[] second)
    {
        Spki = spki;
        Sha256 = SHA256.HashData(spki);
        Kind = kind;
        FieldBytes = fieldBytes;
        (First, Second) = (first, second);
    }

    /// <summary>DER.</summary>
    public byte[] Spki { get; }

    /// <summary>SHA-256 of <see cref="Spki"/>: the name of the key pair everywhere.</summary>
    public byte[] Sha256 { get; }

    public KeyKind Kind { get; }

    public bool IsEc => Kind == KeyKind.Ec;

    public bool IsRsa => Kind == KeyKind.Rsa;

    /// <summary>EC, Ed25519: bytes of a coordinate. RSA: bytes of the modulus.</summary>
    public int FieldBytes { get; }

    /// <summary>EC: the curve's OID in DER.</summary>
    public byte[] CurveOid => IsEc ? First : throw new InvalidOperationException("Only an EC key has a curve.");

    /// <summary>EC: the point, uncompressed (X9.62).</summary>
    public byte[] Point => IsEc ? Second : throw new InvalidOperationException("Only an EC key has a point.");

    /// <summary>RSA: big endian, no leading zero.</summary>
    public byte[] Modulus => IsRsa ? First : throw new InvalidOperationException("Only an RSA key has a modulus.");

    /// <summary>RSA: big endian, no leading zero.</summary>
    public byte[] Exponent => IsRsa ? Second : throw new InvalidOperationException("Only an RSA key has an exponent.");

    private byte[] First { get; }

    private byte[] Second { get; }

    /// <summary>The algorithm and size for people, such as <c>EC P-256</c>.</summary>
    public string Description => Kind switch
    {
        KeyKind.Ec => $"EC P-{(FieldBytes == 66 ? 521 : FieldBytes * 8)}",
        KeyKind.Rsa => $"RSA {FieldBytes * 8}",
        _ => "Ed25519",
    };

    /// <param name="curveOid">The curve's OID in DER, as CKA_EC_PARAMS holds it.</param>
    /// <param name="point">The point, uncompressed, bare or within a DER OCTET STRING: tokens differ.</param>
    /// <exception cref="ProblemException"><c>key_type</c>.</exception>
    public static PublicKeyInfo FromEc(ReadOnlySpan<byte> curveOid, ReadOnlySpan<byte> point)
    {
        var field = EcCurves.CoordinateBytes(curveOid);
        if (field == 0) throw Unusable("its curve is none of P-256, P-384, P-521");
        var length = 1 + 2 * field;
        if (point.Length > length) point = point[^length..]; // past the OCTET STRING's header
        if (point.Length != length || point[0] != 4) throw Unusable("its public point is not an uncompressed point of its curve");

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(EcPublicKey);
                writer.WriteEncodedValue(curveOid);
            }

            writer.WriteBitString(point);
        }

        return new PublicKeyInfo(writer.Encode(), KeyKind.Ec, field, curveOid.ToArray(), point.ToArray());
    }

    /// <param name="curve">As CKA_EC_PARAMS holds it: the OID, or the curve's name.</param>
    /// <param name="point">32 bytes (RFC 8032 section 5.1.2), bare or within a DER OCTET STRING.</param>
    /// <exception cref="ProblemException"><c>key_type</c>.</exception>
    public static PublicKeyInfo FromEd25519(ReadOnlySpan<byte> curve, ReadOnlySpan<byte> point)
    {
        const int Length = 32;
        if (!curve.SequenceEqual(EcCurves.Ed25519) && !curve.SequenceEqual(EcCurves.Edwards25519)) throw Unusable("of the Edwards curves there is edwards25519");
        if (point.Length > Length) point = point[^Length..]; // past the OCTET STRING's header
        if (point.Length != Length) throw Unusable("its public point is none of edwards25519");

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence()) writer.WriteObjectIdentifier(Ed25519Key);
            writer.WriteBitString(point);
        }

        return new PublicKeyInfo(writer.Encode(), KeyKind.Ed25519, Length, [], []);
    }

    /// <exception cref="ProblemException"><c>key_type</c>.</exception>
    public static PublicKeyInfo FromRsa(ReadOnlySpan<byte> modulus, ReadOnlySpan<byte> exponent)
    {
        modulus = modulus.TrimStart((byte)0);
        exponent = exponent.TrimStart((byte)0);
        if (modulus.Length is < 128 or > 1024 || exponent.IsEmpty) throw Unusable("an RSA modulus has 1024 to 8192 bits");

        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteIntegerUnsigned(modulus);
            key.WriteIntegerUnsigned(exponent);
        }

        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(RsaEncryption);
                writer.WriteNull();
            }

            writer.WriteBitString(key.Encode());
        }

        return new PublicKeyInfo(writer.Encode(), KeyKind.Rsa, modulus.Length, modulus.ToArray(), exponent.ToArray());
    }

    /// <exception cref="ProblemException"><c>key_type</c>.</exception>
    public static PublicKeyInfo Parse(ReadOnlyMemory<byte> spki)
    {
        try
        {
            var info = new AsnReader(spki, AsnEncodingRules.DER).ReadSequence();
            var algorithm = info.ReadSequence();
            var key = info.ReadBitString(out _);
            switch (algorithm.ReadObjectIdentifier())
            {
                case EcPublicKey:
                    return FromEc(algorithm.ReadEncodedValue().Span, key);
                case Ed25519Key:
                    return FromEd25519(EcCurves.Ed25519, key);
                case RsaEncryption:
                    var numbers = new AsnReader(key, AsnEncodingRules.DER).ReadSequence();
                    var modulus = numbers.ReadIntegerBytes();
                    return FromRsa(modulus.Span, numbers.ReadIntegerBytes().Span);
                default:
                    throw Unusable("it is neither EC nor RSA nor Ed25519");
            }
        }
        catch (AsnContentException cause)
        {
            throw new ProblemException("key_type", "a public key is not a DER SubjectPublicKeyInfo",
                "use another key: the token or the file holds no public key of this one that could be read", 400, cause);
        }
    }

    public bool Matches(ReadOnlySpan<byte> spkiSha256) => spkiSha256.SequenceEqual(Sha256);

    private static ProblemException Unusable(string why) =>
        new("key_type", $"the key cannot be used: {why}", "use an EC key on a NIST curve, an RSA key or an Ed25519 key", 400);
}
