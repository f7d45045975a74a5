using System.Text;

namespace EstProv.Platform.Network;

/// <summary>An HTTP proxy that makes tunnels (CONNECT, RFC 9110 section 9.3.6): <c>http://[USER:PASSWORD@]HOST[:PORT]</c>.</summary>
public sealed class HttpProxy
{
    private HttpProxy(Uri url)
    {
        Host = url.IdnHost;
        Port = url.Port;
        if (url.UserInfo.Length == 0) return;
        var colon = url.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var user = Uri.UnescapeDataString(colon < 0 ? url.UserInfo : url.UserInfo[..colon]);
        var password = colon < 0 ? "" : Uri.UnescapeDataString(url.UserInfo[(colon + 1)..]);
        Authorization = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
    }

    public string Host { get; }

    /// <summary>80 where the URL names none.</summary>
    public int Port { get; }

    /// <summary>The value of Proxy-Authorization (RFC 7617); null without a user. Never to be shown.</summary>
    public string? Authorization { get; }

    /// <summary>Without <c>http://</c> it is a proxy of this kind, too.</summary>
    /// <returns>What is wrong, in words that follow the value and do not show it, since it may hold a password; null when nothing is.</returns>
    public static string? Parse(string value, out HttpProxy? proxy)
    {
        proxy = null;
        if (!value.Contains("://", StringComparison.Ordinal)) value = "http://" + value;
        if (value.AsSpan().ContainsAny(" \t\r\n") || !Uri.TryCreate(value, UriKind.Absolute, out var url) || url.Host.Length == 0) return "is not a URL";
        if (url.Scheme != Uri.UriSchemeHttp) return "is not an http:// proxy: others are not spoken, and TLS goes through one of these unread";
        if (url.AbsolutePath != "/" || url.Query.Length > 0 || url.Fragment.Length > 0) return "has more than user, password, host and port";
        proxy = new HttpProxy(url);
        return null;
    }

    /// <summary>Host and port, for messages.</summary>
    public override string ToString() => Host.Contains(':') ? $"[{Host.Trim('[', ']')}]:{Port}" : $"{Host}:{Port}";
}
