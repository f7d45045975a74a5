using System.Formats.Asn1;
using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>A public key as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 5480, RFC 8017), with the few facts that signing needs.</summary>
internal sealed class PublicKeyInfo
{
    private const string EcPublicKey = "1.2.840.10045.2.1";
    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    private PublicKeyInfo(byte[] spki, bool isEc, int fieldBytes, byte[] first, byte[] second)
    {
        Spki = spki;
        Sha256 = SHA256.HashData(spki);
        IsEc = isEc;
        FieldBytes = fieldBytes;
        (First, Second) = (first, second);
    }

    /// <summary>DER.</summary>
    public byte[] Spki { get; }

    /// <summary>SHA-256 of <see cref="Spki"/>: the name of the key pair everywhere.</summary>
    public byte[] Sha256 { get; }

    /// <summary>EC, else RSA.</summary>
    public bool IsEc { get; }

    /// <summary>EC: bytes of a coordinate. RSA: bytes of the modulus.</summary>
    public int FieldBytes { get; }

    /// <summary>EC: the curve's OID in DER.</summary>
    public byte[] CurveOid => IsEc ? First : throw new InvalidOperationException("An RSA key has no curve.");

    /// <summary>EC: the point, uncompressed (X9.62).</summary>
    public byte[] Point => IsEc ? Second : throw new InvalidOperationException("An RSA key has no point.");

    /// <summary>RSA: big endian, no leading zero.</summary>
    public byte[] Modulus => IsEc ? throw new InvalidOperationException("An EC key has no modulus.") : First;

    /// <summary>RSA: big endian, no leading zero.</summary>
    public byte[] Exponent => IsEc ? throw new InvalidOperationException("An EC key has no exponent.") : Second;

    private byte[] First { get; }

    private byte[] Second { get; }

    /// <summary>The algorithm and size for people, such as <c>EC P-256</c>.</summary>
    public string Description => IsEc ? $"EC P-{(FieldBytes == 66 ? 521 : FieldBytes * 8)}" : $"RSA {FieldBytes * 8}";

    /// <param name="curveOid">The curve's OID in DER, as CKA_EC_PARAMS holds it.</param>
    /// <param name="point">The point, uncompressed, bare or within a DER OCTET STRING: tokens differ.</param>
    /// <exception cref="ProblemException"><c>key_type</c>.</exception>
    public static PublicKeyInfo FromEc(ReadOnlySpan<byte> curveOid, ReadOnlySpan<byte> point)
    {
        var field = CoordinateBytes(curveOid);
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

        return new PublicKeyInfo(writer.Encode(), isEc: true, field, curveOid.ToArray(), point.ToArray());
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

        return new PublicKeyInfo(writer.Encode(), isEc: false, modulus.Length, modulus.ToArray(), exponent.ToArray());
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
                case RsaEncryption:
                    var numbers = new AsnReader(key, AsnEncodingRules.DER).ReadSequence();
                    var modulus = numbers.ReadIntegerBytes();
                    return FromRsa(modulus.Span, numbers.ReadIntegerBytes().Span);
                default:
                    throw Unusable("it is neither EC nor RSA");
            }
        }
        catch (AsnContentException cause)
        {
            throw new ProblemException("key_type", "a public key is not a DER SubjectPublicKeyInfo", "", 400, cause);
        }
    }

    public bool Matches(ReadOnlySpan<byte> spkiSha256) => spkiSha256.SequenceEqual(Sha256);

    private static int CoordinateBytes(ReadOnlySpan<byte> curveOid)
    {
        ReadOnlySpan<byte> p256 = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]; // 1.2.840.10045.3.1.7
        ReadOnlySpan<byte> p384 = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]; // 1.3.132.0.34
        ReadOnlySpan<byte> p521 = [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23]; // 1.3.132.0.35
        if (curveOid.SequenceEqual(p256)) return 32;
        if (curveOid.SequenceEqual(p384)) return 48;
        if (curveOid.SequenceEqual(p521)) return 66;
        throw Unusable("its curve is none of P-256, P-384, P-521");
    }

    private static ProblemException Unusable(string why) =>
        new("key_type", $"the key cannot be used: {why}", "use an EC key on a NIST curve or an RSA key", 400);
}
