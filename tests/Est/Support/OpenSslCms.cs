using System.Diagnostics;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Tests.Support;

/// <summary>CMS by <c>openssl cms</c>: another maker than the one who reads it.</summary>
internal sealed class OpenSslCms : IDisposable
{
    public const string KeyPackage = "2.16.840.1.101.2.1.2.78.5";
    public const string SignedData = "1.2.840.113549.1.7.2";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("estprov-cms-");

    /// <summary>SignedData of the content, without ContentInfo when <paramref name="bare"/>.</summary>
    public byte[] Sign(byte[] content, string type, X509Certificate2 signer, bool bare)
    {
        var message = Run(content, "-sign", "-nodetach", "-econtent_type", type, "-md", "sha256", "-nosmimecap", "-signer", Pem("signer.pem", signer.ExportCertificatePem()), "-inkey",
            Pem("signer.key", signer.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()));
        if (!bare) return message;
        var info = new AsnReader(message, AsnEncodingRules.BER).ReadSequence();
        info.ReadObjectIdentifier();
        return info.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadEncodedValue().ToArray();
    }

    /// <param name="type">Of the content, which <c>openssl cms</c> always calls data; null for that.</param>
    public byte[] Encrypt(byte[] content, string? type, X509Certificate2 recipient)
    {
        var message = Run(content, "-encrypt", "-aes-256-cbc", "-recip", Pem("recipient.pem", recipient.ExportCertificatePem()));
        return type is null ? message : Retype(message, type);
    }

    // ContentInfo { OID, [0] EnvelopedData { version, recipientInfos, encryptedContentInfo { contentType OID, algorithm, [0] encryptedContent } } }
    private static byte[] Retype(byte[] message, string type)
    {
        var explicitContent = new Asn1Tag(TagClass.ContextSpecific, 0);
        var outer = new AsnReader(message, AsnEncodingRules.BER).ReadSequence();
        var writer = new AsnWriter(AsnEncodingRules.BER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(outer.ReadObjectIdentifier());
            var enveloped = outer.ReadSequence(explicitContent).ReadSequence();
            using (writer.PushSequence(explicitContent))
            using (writer.PushSequence())
            {
                writer.WriteEncodedValue(enveloped.ReadEncodedValue().Span);
                writer.WriteEncodedValue(enveloped.ReadEncodedValue().Span);
                var content = enveloped.ReadSequence();
                content.ReadObjectIdentifier();
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(type);
                    while (content.HasData) writer.WriteEncodedValue(content.ReadEncodedValue().Span);
                }
            }
        }

        return writer.Encode();
    }

    /// <summary>A certificate of an RSA key that keys can be encrypted for.</summary>
    public static X509Certificate2 Recipient()
    {
        using var key = RSA.Create(2048);
        return new CertificateRequest("CN=recipient", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(TestCa.Start, TestCa.End);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private byte[] Run(byte[] content, params string[] options)
    {
        var (input, output) = (Path.Combine(_folder.FullName, "in"), Path.Combine(_folder.FullName, "out"));
        File.WriteAllBytes(input, content);
        using var process = Process.Start(new ProcessStartInfo("openssl", ["cms", "-binary", "-outform", "DER", "-in", input, "-out", output, .. options])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, error);
        return File.ReadAllBytes(output);
    }

    private string Pem(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
