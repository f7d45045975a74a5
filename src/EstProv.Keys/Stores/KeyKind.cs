namespace EstProv.Keys.Stores;

/// <summary>What an asymmetric key computes with.</summary>
internal enum KeyKind
{
    /// <summary>On a NIST curve: ECDSA.</summary>
    Ec,

    /// <summary>PKCS#1 v1.5, PSS, OAEP.</summary>
    Rsa,

    /// <summary>EdDSA over edwards25519 (RFC 8032), of messages and not of digests.</summary>
    Ed25519,
}
