using System.Net;
using System.Net.Http.Headers;
using EstProv.Est.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Est.Transport;

/// <summary>
/// HTTPS to one server that is verified by given anchors, its host name and the believed clock: what EST and the other outbound clients have
/// in common.
/// </summary>
/// <remarks>
/// Codes, each after <see cref="TlsServer.Codes"/>: <c>_dns</c>, <c>_unreachable</c>, <c>_timeout</c>, <c>_reset</c>, <c>_proxy</c>, <c>_bad_answer</c>,
/// <c>_tls</c>, <c>_tls_alert</c>,
/// <c>_tls_name</c>, <c>_tls_untrusted</c>, <c>_tls_expired</c>, <c>_tls_not_yet_valid</c>, <c>_tls_certificate</c>.
/// </remarks>
public sealed class VerifiedConnection
{
    private readonly TlsServer _server;
    private readonly ServerVerifier _verifier;
    private readonly ServerTime _time;
    private readonly ConnectionStage _stage;

    public VerifiedConnection(TlsServer server, ILogger logger)
    {
        _server = server;
        _verifier = new ServerVerifier(server, logger);
        _time = new ServerTime(server.Clock, _verifier, logger);
        _stage = new ConnectionStage(server.Proxies);
    }

    private VerifiedConnection(TlsServer server, VerifiedConnection shared)
    {
        _server = server;
        _verifier = shared._verifier;
        _time = shared._time;
        _stage = shared._stage;
    }

    /// <summary>The same connection under other words, such as for another path on the same server.</summary>
    public VerifiedConnection SharedWith(TlsServer server) => new(server, this);

    /// <summary>
    /// Whether the last connection's TLS handshake was finished, so that the server is verified, whatever came then. With TLS 1.3 that is
    /// so before the server says what it makes of the client's certificate (RFC 8446 section 4.6.2), with TLS 1.2 after it.
    /// </summary>
    public bool IsVerified => _stage.IsEstablished && !_server.Unverified;

    /// <summary>For one HttpClient, which follows no redirect, keeps no cookies and goes through <see cref="TlsServer.Proxies"/>.</summary>
    public SocketsHttpHandler CreateHandler() => TlsHandler.Create(_server, _verifier, _stage);

    /// <summary>A TLS session that one request can be bound to.</summary>
    /// <exception cref="ProblemException"><c>est_no_channel_binding</c>: the server does not speak TLS 1.2.</exception>
    internal async Task<BoundSession> OpenBoundAsync(Uri url, CancellationToken cancel)
    {
        _verifier.Forget();
        var stream = await _stage.ConnectAsync(new DnsEndPoint(url.IdnHost.Trim('[', ']'), url.Port), cancel).ConfigureAwait(false);
        try
        {
            return await BoundSession.OpenAsync(stream, url, TlsHandler.Options(_server, _verifier), CreateHandler(), cancel).ConfigureAwait(false);
        }
        catch (Exception failure) when (TlsAlert.Find(failure) == TlsAlert.ProtocolVersion)
        {
            throw new ProblemException(_server.Codes + "_no_channel_binding",
                $"POST {url} with credential '{_server.Credential}': the server does not speak TLS 1.2, and only that has the channel binding tls-unique (RFC 9266)",
                "have the server offer TLS 1.2, or set channel_binding = false", 502, failure);
        }
    }

    /// <summary>An answer's Date: raises the floor under the device's clock, where it can be true.</summary>
    public void TakeTime(DateTimeOffset? told) => _time.Take(told);

    /// <summary>An answer's Retry-After, between nothing and a day; null when it has none.</summary>
    public TimeSpan? RetryAfter(HttpResponseHeaders headers) => RetryAfterHeader.Read(headers.RetryAfter, headers.Date, _server.Clock.Now);

    /// <summary>Whether an exception of HttpClient is one that <see cref="Explain"/> explains.</summary>
    public static bool IsTransport(Exception failure) => TransportProblems.IsOne(failure);

    /// <summary>Why there was no answer.</summary>
    public ProblemException Explain(Exception failure, HttpMethod method, Uri url) => TransportProblems.Explain(failure, method, url, _server, _verifier, _stage);
}
