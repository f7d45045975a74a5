using EstProv.Est;
using EstProv.Keys.Client;

namespace EstProv.Certificates.Issuing;

/// <summary>Signatures of certificates and requests by keyd.</summary>
internal static class KeySigner
{
    private const string EcPublicKey = "1.2.840.10045.2.1"; // id-ecPublicKey, RFC 5480

    public static RemoteSignatureGenerator Of(IKeyClient keys, KeyReference key)
    {
        var scheme = SignatureScheme.RsaPkcs1;
        var signer = new RemoteSignatureGenerator(key.SubjectPublicKeyInfo, (hash, digest) => keys.SignDigest(key.Handle, scheme, hash, digest));
        if (signer.PublicKey.Oid.Value == EcPublicKey) scheme = SignatureScheme.Ecdsa;
        return signer;
    }
}
