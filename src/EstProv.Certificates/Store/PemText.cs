using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Certificates.Store;

/// <summary>Certificates as text. Only <see cref="Parse"/> looks into them.</summary>
internal static class PemText
{
    private const string Label = "CERTIFICATE";

    /// <summary>
    /// The certificates of a file that holds PEM or one DER certificate, as normal PEM; everything else in it, a private key above all, is
    /// left out. Empty when there is none.
    /// </summary>
    public static string CertificatesOf(ReadOnlySpan<byte> content)
    {
        if (content.Length > 0 && content[0] == 0x30) return PemEncoding.WriteString(Label, content) + "\n";

        var text = Encoding.UTF8.GetString(content).AsSpan();
        var pem = new StringBuilder();
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label] is Label or "X509 CERTIFICATE")
            {
                var der = new byte[fields.DecodedDataLength];
                if (Convert.TryFromBase64Chars(text[fields.Base64Data], der, out var length))
                    pem.Append(PemEncoding.WriteString(Label, der.AsSpan(0, length))).Append('\n');
            }

            text = text[fields.Location.End..];
        }

        return pem.ToString();
    }

    public static string Of(IEnumerable<X509Certificate2> certificates)
    {
        var pem = new StringBuilder();
        foreach (var certificate in certificates) pem.Append(PemEncoding.WriteString(Label, certificate.RawData)).Append('\n');
        return pem.ToString();
    }

    /// <summary>The blocks, each with its line feed, not looked into.</summary>
    public static List<string> Split(string pem)
    {
        var blocks = new List<string>();
        var text = pem.AsSpan();
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label] is Label) blocks.Add(string.Concat(text[fields.Location], "\n"));
            text = text[fields.Location.End..];
        }

        return blocks;
    }

    /// <summary>Reads every certificate of <paramref name="pem"/>, in its order.</summary>
    /// <exception cref="CryptographicException">A block is no certificate.</exception>
    public static X509Certificate2Collection Parse(string pem)
    {
        var certificates = new X509Certificate2Collection();
        var text = pem.AsSpan();
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label] is Label)
                certificates.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text[fields.Base64Data].ToString())));
            text = text[fields.Location.End..];
        }

        return certificates;
    }
}
