using System.Net;
using System.Net.Sockets;
using EstProv.Platform.Network;

namespace EstProv.Est.Transport;

/// <summary>Connects, and keeps how far the last connection came: what a time-out was spent on cannot be seen from the exception.</summary>
internal sealed class ConnectionStage(ProxyChoice? proxies)
{
    private volatile Stage _stage;
    private volatile HttpProxy? _proxy;

    private enum Stage
    {
        Connecting,
        Tunnelling,
        Handshaking,
        Established,
    }

    /// <summary>TLS stands: the server showed that it has the key of a certificate that was accepted.</summary>
    public bool IsEstablished => _stage == Stage.Established;

    /// <summary>Ends the sentence "no answer within 30 s: ".</summary>
    public string Describe(Uri url) => _stage switch
    {
        Stage.Connecting when _proxy is { } proxy => $"the proxy {proxy} does not accept the connection",
        Stage.Connecting => $"{url.IdnHost}:{url.Port} does not accept the connection",
        Stage.Tunnelling => $"the proxy {_proxy} has not connected to {url.IdnHost}:{url.Port}",
        Stage.Handshaking => "the TLS handshake was begun and not finished",
        _ => "the connection stands, but the server does not answer the request",
    };

    /// <exception cref="ProxyException">The proxy is at fault.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint server, CancellationToken cancel)
    {
        var proxy = proxies?.For(server.Host, server.Port);
        _proxy = proxy;
        _stage = Stage.Connecting;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (proxy is null)
            {
                await socket.ConnectAsync(server, cancel).ConfigureAwait(false);
            }
            else
            {
                await ConnectAsync(socket, proxy, cancel).ConfigureAwait(false);
                _stage = Stage.Tunnelling;
                await ProxyTunnel.OpenAsync(socket, proxy, server, cancel).ConfigureAwait(false);
            }

            _stage = Stage.Handshaking;
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Called when TLS stands.</summary>
    public ValueTask<Stream> EstablishedAsync(SocketsHttpPlaintextStreamFilterContext context, CancellationToken cancel)
    {
        _stage = Stage.Established;
        return new(context.PlaintextStream);
    }

    private static async ValueTask ConnectAsync(Socket socket, HttpProxy proxy, CancellationToken cancel)
    {
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(proxy.Host.Trim('[', ']'), proxy.Port), cancel).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw ProxyException.Unreachable(proxy, failure);
        }
    }
}
