using System.Security.Cryptography;

namespace EstProv.Est.Attributes;

/// <summary>The object identifiers that mean something in CSR attributes.</summary>
internal static class CsrOids
{
    public const string ChallengePassword = "1.2.840.113549.1.9.7"; // RFC 2985 section 5.4.1
    public const string ExtensionRequest = "1.2.840.113549.1.9.14"; // id-ExtensionReq, RFC 2985 section 5.4.2
    public const string RequestTemplate = "1.2.840.113549.1.9.16.2.61"; // id-aa-certificationRequestInfoTemplate, RFC 9908 appendix A
    public const string ExtensionTemplate = "1.2.840.113549.1.9.16.2.62"; // id-aa-extensionReqTemplate, RFC 9908 appendix A
    public const string EcPublicKey = "1.2.840.10045.2.1"; // RFC 5480
    public const string RsaEncryption = "1.2.840.113549.1.1.1"; // RFC 8017

    public const string CommonName = "2.5.4.3";
    public const string SubjectKeyIdentifier = "2.5.29.14";
    public const string KeyUsage = "2.5.29.15";
    public const string SubjectAlternativeName = "2.5.29.17";
    public const string BasicConstraints = "2.5.29.19";
    public const string ExtendedKeyUsage = "2.5.29.37";

    /// <summary>Whether it is an extension that we can provide without being given its value.</summary>
    public static bool IsKnownExtension(string oid) =>
        oid is SubjectKeyIdentifier or KeyUsage or SubjectAlternativeName or BasicConstraints or ExtendedKeyUsage;

    /// <summary>Name for messages; the OID itself where we have none.</summary>
    public static string Name(string oid) => oid switch
    {
        CommonName => "commonName",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "countryName",
        "2.5.4.7" => "localityName",
        "2.5.4.8" => "stateOrProvinceName",
        "2.5.4.10" => "organizationName",
        "2.5.4.11" => "organizationalUnitName",
        SubjectKeyIdentifier => "subjectKeyIdentifier",
        KeyUsage => "keyUsage",
        SubjectAlternativeName => "subjectAltName",
        BasicConstraints => "basicConstraints",
        ExtendedKeyUsage => "extKeyUsage",
        _ => oid,
    };

    /// <summary>ecdsa-with-SHA2 (RFC 5758), sha2WithRSAEncryption (RFC 8017) and the bare hashes (RFC 5754); null for anything else, SHA-1 above all.</summary>
    public static HashAlgorithmName? Hash(string oid) => oid switch
    {
        "1.2.840.10045.4.3.2" or "1.2.840.113549.1.1.11" or "2.16.840.1.101.3.4.2.1" => HashAlgorithmName.SHA256,
        "1.2.840.10045.4.3.3" or "1.2.840.113549.1.1.12" or "2.16.840.1.101.3.4.2.2" => HashAlgorithmName.SHA384,
        "1.2.840.10045.4.3.4" or "1.2.840.113549.1.1.13" or "2.16.840.1.101.3.4.2.3" => HashAlgorithmName.SHA512,
        _ => null,
    };

    public static CsrKeyDemand Curve(string oid) => oid switch
    {
        "1.2.840.10045.3.1.7" => new("id-ecPublicKey with secp256r1", ["ec-p256"]),
        "1.3.132.0.34" => new("id-ecPublicKey with secp384r1", ["ec-p384"]),
        "1.3.132.0.35" => new("id-ecPublicKey with secp521r1", ["ec-p521"]),
        _ => new($"id-ecPublicKey with the curve {oid}", []),
    };

    public static CsrKeyDemand AnyCurve { get; } = new("id-ecPublicKey", ["ec-p256", "ec-p384", "ec-p521"]);

    public static CsrKeyDemand Rsa(int bits) => new($"rsaEncryption with {bits} bits", bits is 2048 or 3072 or 4096 ? [$"rsa-{bits}"] : []);

    public static CsrKeyDemand AnyRsa { get; } = new("rsaEncryption", ["rsa-2048", "rsa-3072", "rsa-4096"]);

    /// <summary>Key types that servers ask for and that no key of ours has.</summary>
    public static CsrKeyDemand? OtherKey(string oid) => oid switch
    {
        "1.3.101.112" => new("Ed25519", []), // RFC 8410
        "1.3.101.113" => new("Ed448", []),
        "2.16.840.1.101.3.4.3.17" => new("ML-DSA-44", []), // RFC 9881
        "2.16.840.1.101.3.4.3.18" => new("ML-DSA-65", []),
        "2.16.840.1.101.3.4.3.19" => new("ML-DSA-87", []),
        _ => null,
    };
}
