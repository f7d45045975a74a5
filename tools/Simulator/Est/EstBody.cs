using System.Text;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>Bodies on the wire: base64 of DER (RFC 7030 section 4, RFC 8951 section 3), in the dialect that the quirks say.</summary>
internal static class EstBody
{
    /// <summary>DER of a request's body; null = refused, and <paramref name="problem"/> says why.</summary>
    public static byte[]? Decode(byte[] body, bool chunked, EstQuirks quirks, out string problem)
    {
        if (quirks.RefuseChunked && chunked)
        {
            problem = "chunked request";
            return null;
        }

        if (SigningRequest.FromPem(body) is { } der)
        {
            problem = "PEM where base64 of DER is due";
            return quirks.AcceptPem ? der : null;
        }

        if (quirks.RequireFinalLineFeed && Array.IndexOf(body, (byte)'\n') < 0)
        {
            problem = "base64 without a line feed";
            return null;
        }

        problem = "not base64";
        var result = new byte[body.Length];
        return Convert.TryFromBase64String(Encoding.ASCII.GetString(body), result, out var length) && length > 0 ? result[..length] : null;
    }

    public static byte[] Encode(byte[] der, EstQuirks quirks, bool nul = false)
    {
        var text = Convert.ToBase64String(der);
        var end = quirks.CarriageReturns ? "\r\n" : "\n";
        var wrapped = new StringBuilder(text.Length + (text.Length / 32) + 8);
        var columns = quirks.Columns > 0 ? quirks.Columns : text.Length;
        for (var i = 0; i < text.Length; i += columns)
        {
            wrapped.Append(text, i, Math.Min(columns, text.Length - i));
            if (quirks.Columns > 0)
            {
                wrapped.Append(end);
            }
        }

        if (nul)
        {
            wrapped.Append('\0');
        }

        return Encoding.ASCII.GetBytes(wrapped.ToString());
    }
}
