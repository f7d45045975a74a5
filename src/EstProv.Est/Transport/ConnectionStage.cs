using System.Net.Sockets;

namespace EstProv.Est.Transport;

/// <summary>How far the last connection came: what a time-out was spent on cannot be seen from the exception.</summary>
internal sealed class ConnectionStage
{
    private volatile Stage _stage;

    private enum Stage
    {
        Connecting,
        Handshaking,
        Established,
    }

    /// <summary>Ends the sentence "no answer within 30 s: ".</summary>
    public string Describe(Uri url) => _stage switch
    {
        Stage.Connecting => $"{url.IdnHost}:{url.Port} does not accept the connection",
        Stage.Handshaking => "the TLS handshake was begun and not finished",
        _ => "the connection stands, but the server does not answer the request",
    };

    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        _stage = Stage.Connecting;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancel).ConfigureAwait(false);
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
}
