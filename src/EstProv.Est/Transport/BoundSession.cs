using System.Net.Security;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using EstProv.Platform;

namespace EstProv.Est.Transport;

/// <summary>
/// One TLS 1.2 session whose <c>tls-unique</c> (RFC 5929 section 3) is known before the request, which goes over this session or not at all (RFC 7030
/// sections 3.5 and 4.2.3).
/// </summary>
internal sealed class BoundSession : IDisposable
{
    /// <summary>SecChannelBindings, which .NET puts before the value as Windows does.</summary>
    private const int HeaderLength = 32;

    private readonly SslStream _stream;

    private BoundSession(SslStream stream, SocketsHttpHandler handler)
    {
        _stream = stream;
        handler.ConnectCallback = TakeAsync;
        Http = new HttpClient(handler, disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public HttpClient Http { get; }

    private bool _taken;

    /// <param name="stream">Connected, not yet TLS.</param>
    /// <param name="options">As for every other connection to the server.</param>
    public static async Task<BoundSession> OpenAsync(Stream stream, Uri url, SslClientAuthenticationOptions options, SocketsHttpHandler handler, CancellationToken cancel)
    {
        var tls = new SslStream(stream, leaveInnerStreamOpen: false);
        try
        {
            // RFC 9266: TLS 1.3 has no tls-unique. A resumed session's is another value than a full handshake's, and weaker.
            options.EnabledSslProtocols = SslProtocols.Tls12;
            options.AllowTlsResume = false;
            options.TargetHost = url.IdnHost.Trim('[', ']');
            await tls.AuthenticateAsClientAsync(options, cancel).ConfigureAwait(false);
            return new BoundSession(tls, handler);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            handler.Dispose();
            throw;
        }
    }

    /// <summary>Base64 of tls-unique, as challengePassword has it (RFC 7030 section 3.5).</summary>
    /// <exception cref="ProblemException"><c>est_no_channel_binding</c>.</exception>
    public string ChallengePassword(Uri url)
    {
        using var binding = _stream.TransportContext.GetChannelBinding(ChannelBindingKind.Unique);
        var prefix = "tls-unique:"u8;
        var value = binding is null ? [] : Bytes(binding);
        return value.Length > HeaderLength + prefix.Length && value.AsSpan(HeaderLength).StartsWith(prefix)
            ? Convert.ToBase64String(value.AsSpan(HeaderLength + prefix.Length))
            : throw new ProblemException("est_no_channel_binding",
                $"the TLS session with {url.IdnHost}:{url.Port} gives no channel binding (tls-unique)",
                "have the server offer TLS 1.2, or set channel_binding = false", 502);
    }

    public void Dispose()
    {
        Http.Dispose();
        _stream.Dispose();
    }

    private static unsafe byte[] Bytes(ChannelBinding binding) => new ReadOnlySpan<byte>((void*)binding.DangerousGetHandle(), binding.Size).ToArray();

    /// <summary>A second connection would be another session, to which the request is not bound.</summary>
    private ValueTask<Stream> TakeAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        if (_taken) throw new IOException();
        _taken = true;
        return new(_stream);
    }
}
