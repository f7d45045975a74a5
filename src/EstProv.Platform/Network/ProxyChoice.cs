namespace EstProv.Platform.Network;

/// <summary>Which outgoing connection goes through which proxy.</summary>
public sealed class ProxyChoice
{
    private readonly string? _url;
    private readonly string _source;
    private readonly ProxyExceptions _exceptions;

    private ProxyChoice(string? url, string source, string? exceptions)
    {
        _url = url;
        _source = source;
        _exceptions = new ProxyExceptions(exceptions);
    }

    /// <summary>None.</summary>
    public static ProxyChoice Direct { get; } = new(null, "", null);

    /// <summary>
    /// <c>https_proxy</c>, else <c>HTTPS_PROXY</c>, but not for what <c>no_proxy</c>, else <c>NO_PROXY</c>, names. The variables are read here and not again.
    /// </summary>
    /// <param name="variable">A variable of the environment; null when it is not set.</param>
    public static ProxyChoice OfEnvironment(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        foreach (var name in (ReadOnlySpan<string>)["https_proxy", "HTTPS_PROXY"])
        {
            if (variable(name) is { Length: > 0 } url) return new ProxyChoice(url, name, variable("no_proxy") ?? variable("NO_PROXY"));
        }

        return Direct;
    }

    /// <summary>This proxy for every connection, whatever the environment says.</summary>
    /// <param name="source">Where the URL was set, for messages.</param>
    public static ProxyChoice Always(string url, string source) => new(url, source, null);

    /// <summary>Where the proxy was set, for messages; empty for none.</summary>
    public string Source => _source;

    /// <returns>Null when the connection is direct.</returns>
    /// <exception cref="ProblemException">
    /// <c>proxy_bad_url</c>: what was set is no proxy's URL. Said when it is used: going round a proxy that was asked for would be worse.
    /// </exception>
    public HttpProxy? For(string host, int port)
    {
        if (_url is null || _exceptions.Cover(host, port)) return null;
        return HttpProxy.Parse(_url, out var proxy) is { } fault
            ? throw new ProblemException("proxy_bad_url", $"the proxy for {host}:{port}, set by {_source}, {fault}",
                "write http://HOST:PORT, with USER:PASSWORD@ before the host where it asks for them", 503)
            : proxy;
    }
}
