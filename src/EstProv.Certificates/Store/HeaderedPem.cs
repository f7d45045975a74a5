using System.Text;
using EstProv.Platform;

namespace EstProv.Certificates.Store;

/// <summary>
/// The form of the store's files: <c>Name: value</c> lines, then PEM blocks. RFC 7468 section 5.2 allows explanatory text before a
/// block, so <c>openssl x509 -in FILE</c> reads them, and the start of a daemon reads the lines alone, with no X.509.
/// </summary>
internal static class HeaderedPem
{
    private const string Opening = "EstProv-File: 1";
    private const string BlockStart = "-----BEGIN ";

    public static byte[] Write(IEnumerable<KeyValuePair<string, string?>> headers, string pem)
    {
        var text = new StringBuilder(pem.Length + 512);
        text.Append(Opening).Append('\n');
        foreach (var (name, value) in headers)
        {
            if (value is not null) text.Append(name).Append(": ").Append(Escape(value)).Append('\n');
        }

        text.Append(pem);
        if (pem.Length > 0 && pem[^1] != '\n') text.Append('\n');
        text.Append("End-Of-File\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <exception cref="ProblemException"><c>store_damaged</c>: not written by us, or torn.</exception>
    public static (Dictionary<string, string> Headers, string Pem) Read(string path, string text)
    {
        const string Closing = "\nEnd-Of-File\n";
        if (!text.StartsWith(Opening + "\n", StringComparison.Ordinal) || !text.EndsWith(Closing, StringComparison.Ordinal))
            throw Damaged(path);

        var body = text.AsSpan(0, text.Length - Closing.Length + 1);
        var pemAt = body.IndexOf(BlockStart);
        var head = pemAt < 0 ? body : body[..pemAt];
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var range in head.Split('\n'))
        {
            var line = head[range];
            var colon = line.IndexOf(": ");
            if (colon > 0) headers[line[..colon].ToString()] = Unescape(line[(colon + 2)..]);
        }

        return (headers, pemAt < 0 ? "" : body[pemAt..].ToString());
    }

    public static ProblemException Damaged(string path) =>
        new("store_damaged", $"{path} is not a file of the certificate store, or damaged", "remove it; the certificate is issued again");

    private static string Escape(string value) =>
        value.AsSpan().IndexOfAny("\\\r\n") < 0 ? value : value.Replace("\\", "\\\\").Replace("\r", "\\r").Replace("\n", "\\n");

    private static string Unescape(ReadOnlySpan<char> value)
    {
        if (!value.Contains('\\')) return value.ToString();
        var text = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] != '\\' || i + 1 == value.Length) text.Append(value[i]);
            else text.Append(value[++i] switch { 'r' => '\r', 'n' => '\n', var other => other });
        }

        return text.ToString();
    }
}
