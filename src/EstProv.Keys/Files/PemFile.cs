using System.Security.Cryptography;
using System.Text;

namespace EstProv.Keys.Files;

/// <summary>PEM (RFC 7468) with a line of explanatory text in front.</summary>
internal static class PemFile
{
    /// <returns>The file's content, to be zeroed by the caller.</returns>
    public static byte[] Encode(string preamble, string label, ReadOnlySpan<byte> content)
    {
        var head = Encoding.UTF8.GetBytes(preamble);
        var pem = new char[PemEncoding.GetEncodedSize(label.Length, content.Length)];
        PemEncoding.TryWrite(label, content, pem, out var length);
        var file = new byte[head.Length + 1 + length + 1];
        head.CopyTo(file, 0);
        file[head.Length] = (byte)'\n';
        Encoding.ASCII.GetBytes(pem.AsSpan(0, length), file.AsSpan(head.Length + 1));
        file[^1] = (byte)'\n';
        pem.AsSpan().Clear();
        return file;
    }
}
