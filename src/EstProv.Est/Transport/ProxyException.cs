using System.Net.Sockets;
using EstProv.Platform.Network;

namespace EstProv.Est.Transport;

/// <summary>It is the proxy that stands in the way, not the server.</summary>
/// <param name="what">What happened, naming the proxy.</param>
internal sealed class ProxyException(string what, string hint, Exception? inner = null) : Exception(what, inner)
{
    public string Hint { get; } = hint;

    public static ProxyException Unreachable(HttpProxy proxy, SocketException failure) => failure.SocketErrorCode switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery =>
            new($"the proxy's host name '{proxy.Host}' cannot be resolved", "check the proxy's name and the device's name servers", failure),
        SocketError.ConnectionRefused => new($"connection refused by the proxy {proxy}", "the proxy does not run there, or a firewall refuses us", failure),
        _ => new($"the proxy {proxy} cannot be reached ({failure.SocketErrorCode})", "check the device's network and the proxy's address", failure),
    };

    public static ProxyException Refused(HttpProxy proxy, string target, int status) => status switch
    {
        407 when proxy.Authorization is null => new($"the proxy {proxy} asks who we are (HTTP 407)", "put USER:PASSWORD@ before the host into the proxy's URL"),
        407 => new($"the proxy {proxy} does not take our user and password (HTTP 407)", "check both in the proxy's URL; only Basic is spoken with proxies"),
        403 => new($"the proxy {proxy} forbids connections to {target} (HTTP 403)", "the proxy must allow CONNECT to this host and port"),
        _ => new($"the proxy {proxy} does not connect to {target} (HTTP {status})", "look into the proxy's log; it must reach the server and allow CONNECT to it"),
    };

    public static ProxyException NoAnswer(HttpProxy proxy, string target, Exception? failure) =>
        new($"the proxy {proxy} closed the connection when asked for {target}", "look into the proxy's log", failure);

    public static ProxyException BadAnswer(HttpProxy proxy) => new($"what the proxy {proxy} answered is not HTTP", "check the proxy's host and port");
}
