using System.Text;

namespace EstProv.Est.Tests.Support;

/// <summary>Raw bytes that the scripted server answers with.</summary>
internal sealed record Answer(byte[] Bytes, bool Close = false)
{
    /// <summary>A plain good answer as RFC 8951 has it.</summary>
    public static Answer Pkcs7(byte[] der) => Http(200, "application/pkcs7-mime; smime-type=certs-only", Base64(der));

    public static Answer Status(int status, string body = "", params string[] headers) => Http(status, "text/plain", body, headers);

    public static Answer Http(int status, string? contentType, string body, params string[] headers) =>
        Http(status, contentType, Encoding.Latin1.GetBytes(body), "HTTP/1.1", close: false, headers);

    public static Answer Http(int status, string? contentType, byte[] body, string version, bool close, params string[] headers)
    {
        var text = new StringBuilder($"{version} {status} Whatever\r\n");
        if (contentType is not null) text.Append("Content-Type: ").Append(contentType).Append("\r\n");
        if (status != 204) text.Append("Content-Length: ").Append(body.Length).Append("\r\n");
        foreach (var header in headers) text.Append(header).Append("\r\n");
        text.Append("\r\n");
        return new Answer([.. Encoding.Latin1.GetBytes(text.ToString()), .. body], close);
    }

    public static string Base64(byte[] der, int columns = 0, string lineEnd = "\n", bool lastLineEnd = true)
    {
        var text = Convert.ToBase64String(der);
        if (columns == 0) return text;
        var wrapped = new StringBuilder();
        for (var at = 0; at < text.Length; at += columns)
        {
            if (at > 0) wrapped.Append(lineEnd);
            wrapped.Append(text, at, Math.Min(columns, text.Length - at));
        }

        return lastLineEnd ? wrapped.Append(lineEnd).ToString() : wrapped.ToString();
    }
}
