namespace EstProv.Keys.Stores;

/// <summary>The curves that we know, by their OID in DER as CKA_EC_PARAMS and SubjectPublicKeyInfo hold it.</summary>
internal static class EcCurves
{
    /// <summary>1.2.840.10045.3.1.7</summary>
    public static ReadOnlySpan<byte> P256 => [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

    /// <summary>1.3.132.0.34</summary>
    public static ReadOnlySpan<byte> P384 => [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22];

    /// <summary>1.3.132.0.35</summary>
    public static ReadOnlySpan<byte> P521 => [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23];

    /// <summary>1.3.101.112, id-Ed25519 (RFC 8410)</summary>
    public static ReadOnlySpan<byte> Ed25519 => [0x06, 0x03, 0x2B, 0x65, 0x70];

    /// <summary>PrintableString "edwards25519", as PKCS#11 v3.0 section 2.3.10 names the same curve, and SoftHSM2 wants it.</summary>
    public static ReadOnlySpan<byte> Edwards25519 => [0x13, 0x0C, (byte)'e', (byte)'d', (byte)'w', (byte)'a', (byte)'r', (byte)'d', (byte)'s', (byte)'2', (byte)'5', (byte)'5', (byte)'1', (byte)'9'];

    /// <summary>Bytes of a coordinate; 0 for a curve that is no NIST curve of ours.</summary>
    public static int CoordinateBytes(ReadOnlySpan<byte> curveOid) =>
        curveOid.SequenceEqual(P256) ? 32 : curveOid.SequenceEqual(P384) ? 48 : curveOid.SequenceEqual(P521) ? 66 : 0;
}
