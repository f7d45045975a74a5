using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace EstProv.Est.Messages;

/// <summary>The one transfer encoding of EST: base64, whatever Content-Transfer-Encoding says (RFC 8951 section 3.1).</summary>
internal static class Base64Body
{
    private const int Columns = 64;

    /// <summary>
    /// Lines of 64 columns, each ended by LF, the last one too: the one form that every known server reads (libest refuses a body
    /// without a final LF).
    /// </summary>
    public static byte[] Encode(ReadOnlySpan<byte> der)
    {
        var text = Convert.ToBase64String(der);
        var wrapped = new StringBuilder(text.Length + text.Length / Columns + 1);
        for (var at = 0; at < text.Length; at += Columns)
        {
            wrapped.Append(text, at, Math.Min(Columns, text.Length - at)).Append('\n');
        }

        return Encoding.ASCII.GetBytes(wrapped.ToString());
    }

    /// <summary>White space of any kind and NUL are skipped: libest ends csrattrs with a NUL byte.</summary>
    /// <returns>Null when it is not base64; an empty array for an empty body.</returns>
    public static byte[]? Decode(ReadOnlySpan<byte> body)
    {
        var bytes = new byte[body.Length];
        var length = 0;
        foreach (var value in body)
        {
            if (value is not (0 or (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or 0x0B or 0x0C)) bytes[length++] = value;
        }

        if (length == 0) return [];
        return Base64.DecodeFromUtf8InPlace(bytes.AsSpan(0, length), out var written) == OperationStatus.Done ? bytes[..written] : null;
    }
}
