using System.Security.Cryptography;
using System.Text;
using EstProv.Platform;

namespace EstProv.Keys.Files;

/// <summary>A private key in a PEM file: PKCS#8, or the older forms of EC (RFC 5915) and RSA (RFC 8017), not encrypted.</summary>
internal static class PrivateKeyFile
{
    private const string Kind = "private key";

    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_file</c>, <c>key_type</c>.</exception>
    public static AsymmetricAlgorithm Read(string path, string name)
    {
        var file = PemFile.Read(path, Kind, name);
        var text = new char[file.Length];
        try
        {
            var length = Encoding.UTF8.GetChars(file, text);
            return Import(text.AsSpan(0, length)) ?? throw Damaged(path, name, "there is no unencrypted EC or RSA private key in it");
        }
        catch (Exception cause) when (cause is CryptographicException or ArgumentException)
        {
            throw Damaged(path, name, "its content is damaged or of an unknown form");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
            text.AsSpan().Clear();
        }
    }

    private static AsymmetricAlgorithm? Import(ReadOnlySpan<char> text)
    {
        while (PemEncoding.TryFind(text, out var fields))
        {
            var whole = text[fields.Location];
            switch (text[fields.Label])
            {
                case "EC PRIVATE KEY":
                    return Filled(ECDsa.Create(), whole);
                case "RSA PRIVATE KEY":
                    return Filled(RSA.Create(), whole);
                case "PRIVATE KEY":
                    return ImportPkcs8(text[fields.Base64Data], whole);
            }

            text = text[fields.Location.End..];
        }

        return null;
    }

    private static AsymmetricAlgorithm ImportPkcs8(ReadOnlySpan<char> base64, ReadOnlySpan<char> whole)
    {
        // PrivateKeyInfo ::= SEQUENCE { version, AlgorithmIdentifier { OID … } … }: an EC key's OID begins 1.2.840.10045.
        Span<byte> der = new byte[base64.Length];
        try
        {
            Convert.TryFromBase64Chars(base64, der, out var length);
            var isEc = der[..length].IndexOf((ReadOnlySpan<byte>)[0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]) is >= 0 and < 24;
            return isEc ? Filled(ECDsa.Create(), whole) : Filled(RSA.Create(), whole);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static AsymmetricAlgorithm Filled(AsymmetricAlgorithm key, ReadOnlySpan<char> pem)
    {
        try
        {
            key.ImportFromPem(pem);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static ProblemException Damaged(string path, string name, string why) => PemFile.Unusable(path, Kind, name, why);
}
