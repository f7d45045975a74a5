using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary>Files that <c>estprov est …</c> reads and writes.</summary>
internal static class EstFiles
{
    /// <summary>The rights of what anybody may read.</summary>
    public const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_read", $"cannot read {path}", "the file must exist and be readable for you", inner: cause);
        }
    }

    public static X509Certificate2Collection Certificates(string path) => Certificates(Read(path), path);

    /// <param name="path">Where <paramref name="content"/> was read.</param>
    public static X509Certificate2Collection Certificates(ReadOnlySpan<byte> content, string path)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(Encoding.UTF8.GetString(content));
            if (certificates.Count > 0) return certificates;
        }
        catch (CryptographicException)
        {
            // Said below.
        }

        throw new ProblemException("file_content", $"{path} holds no certificate that can be read", "it must be PEM: -----BEGIN CERTIFICATE-----");
    }

    /// <summary>The certificate with its private key.</summary>
    public static X509Certificate2 WithKey(X509Certificate2 certificate, string keyFile)
    {
        var pem = Encoding.UTF8.GetString(Read(keyFile));
        try
        {
            if (IsRsa(certificate))
            {
                using var rsa = RSA.Create();
                rsa.ImportFromPem(pem);
                return certificate.CopyWithPrivateKey(rsa);
            }

            using var ec = ECDsa.Create();
            ec.ImportFromPem(pem);
            return certificate.CopyWithPrivateKey(ec);
        }
        catch (Exception cause) when (cause is ArgumentException or CryptographicException)
        {
            throw new ProblemException("file_content", $"{keyFile} holds no key of the certificate '{certificate.Subject}'",
                "it must be PEM of an EC or RSA key, not encrypted, and the certificate's own; or write estprov:id=ID for a key in keyd", inner: cause);
        }
    }

    public static bool IsRsa(X509Certificate2 certificate) => certificate.PublicKey.Oid.Value == "1.2.840.113549.1.1.1"; // rsaEncryption, RFC 8017

    /// <summary>DER of a request.</summary>
    public static byte[] Request(string path)
    {
        var bytes = Read(path);
        var text = Encoding.UTF8.GetString(bytes);
        return PemEncoding.TryFind(text, out var fields) ? Convert.FromBase64String(text[fields.Base64Data]) : bytes;
    }

    /// <summary>To <c>--out</c>, else to the terminal.</summary>
    public static void Write(CommandLine line, Terminal terminal, string text) => Write(line, terminal, Encoding.ASCII.GetBytes(text), text);

    public static void Write(CommandLine line, Terminal terminal, byte[] content, string text)
    {
        if (line.Value(EstOptions.Out.Name) is not { } path) terminal.Output.Write(text);
        else WriteOut(path, content, terminal, text);
    }

    private static void WriteOut(string path, byte[] content, Terminal terminal, string text)
    {
        try
        {
            ResultFile.Write(path, content, Readable);
        }
        catch (ProblemException)
        {
            // A certificate may have cost money, and is given once.
            terminal.Output.Write(text);
            throw;
        }
    }

    /// <summary>For its owner alone, since it may hold a PIN; never over another one.</summary>
    public static void WriteNew(string path, string text)
    {
        try
        {
            const UnixFileMode Rights = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = Rights };
            using var file = new FileStream(path, options);
            file.Write(Encoding.UTF8.GetBytes(text.TrimEnd('\n')));
            file.WriteByte((byte)'\n');
            file.Flush(flushToDisk: true);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, cause);
        }
    }

    public static ProblemException CannotWrite(string path, Exception cause) => new("file_write", $"cannot write {path}",
        "its folder must exist and be writable for you; a key or a configuration is not written over a file that is there", inner: cause);
}
