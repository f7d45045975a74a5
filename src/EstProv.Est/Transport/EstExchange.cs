using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using EstProv.Est.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Est.Transport;

/// <summary>Requests and answers over one pooled TLS connection.</summary>
internal sealed partial class EstExchange : IDisposable
{
    private const int MostRedirects = 5;

    private readonly EstServer _server;
    private readonly ILogger _logger;
    private readonly string _base;
    private readonly VerifiedConnection _connection;
    private readonly HttpClient _http;

    public EstExchange(EstServer server, ILogger logger)
    {
        _server = server;
        _logger = logger;
        _base = EstAddress.Check(server.BaseUrl);
        _connection = new VerifiedConnection(TlsServerOf(server), logger);
        _http = new HttpClient(_connection.CreateHandler(), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private EstExchange(EstServer server, EstExchange shared)
    {
        _server = server;
        _logger = shared._logger;
        _base = EstAddress.Check(server.BaseUrl);
        _connection = shared._connection.SharedWith(TlsServerOf(server));
        _http = shared._http;
    }

    /// <summary>Another label over the same connections. The origin must be the same: the server was verified for it.</summary>
    public EstExchange ForLabel(EstServer server) => server.BaseUrl.GetLeftPart(UriPartial.Authority) == _server.BaseUrl.GetLeftPart(UriPartial.Authority)
        ? new EstExchange(server, this)
        : throw new ProblemException("est_bad_url", $"'{server.BaseUrl}' is not on the server of '{_server.BaseUrl}'", "", 400);

    /// <summary>A GET follows redirects within the same origin (RFC 7030 section 3.2.1).</summary>
    public async Task<EstReply> GetAsync(string operation, CancellationToken cancel)
    {
        var url = UrlOf(operation);
        for (var redirects = 0; ; redirects++)
        {
            var reply = await SendAsync(HttpMethod.Get, url, null, null, cancel).ConfigureAwait(false);
            if (Redirects.Target(reply) is not { } target || redirects == MostRedirects) return reply;
            Log.Redirected(_logger, url, target);
            url = target;
        }
    }

    /// <summary>A POST is sent once: nobody can know what the server made of the first.</summary>
    public Task<EstReply> PostAsync(string operation, string contentType, byte[] body, CancellationToken cancel) =>
        SendAsync(HttpMethod.Post, UrlOf(operation), contentType, body, cancel);

    public void Dispose() => _http.Dispose();

    private async Task<EstReply> SendAsync(HttpMethod method, Uri url, string? contentType, byte[]? body, CancellationToken cancel)
    {
        var secret = _server.Username is null ? null : ReadPassword();
        using var request = Request(method, url, contentType, body, secret);
        using var timeout = new CancellationTokenSource(_server.Timeout, _server.Clock.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            var reply = new EstReply
            {
                Method = method.Method,
                Url = url,
                Status = (int)response.StatusCode,
                MediaType = response.Content.Headers.ContentType?.MediaType?.ToLowerInvariant(),
                RetryAfter = _connection.RetryAfter(response.Headers),
                Challenges = Challenges(response.Headers.WwwAuthenticate),
                Location = response.Headers.Location?.OriginalString,
                Credential = _server.Credential,
                Secret = secret,
                Body = [],
            };
            _connection.TakeTime(response.Headers.Date);
            reply = reply with { Body = await BoundedBody.ReadAsync(response.Content, reply, either.Token).ConfigureAwait(false) };
            Log.Answered(_logger, reply.Method, url, _server.Credential, reply.Status, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            return reply;
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested && VerifiedConnection.IsTransport(failure))
        {
            throw _connection.Explain(failure, method, url);
        }
    }

    private static HttpRequestMessage NewRequest(HttpMethod method, Uri url) =>
        new(method, url) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    /// <remarks>
    /// Basic goes with the first request, since servers close the connection after a 401; it leaves only after the handshake, and so
    /// after the server was verified (RFC 7030 section 3.2.3).
    /// </remarks>
    private HttpRequestMessage Request(HttpMethod method, Uri url, string? contentType, byte[]? body, string? secret)
    {
        var request = NewRequest(method, url);
        request.Headers.TryAddWithoutValidation("User-Agent", "EstProv");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        if (secret is not null)
        {
            var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{_server.Username}:{secret}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", pair);
        }

        if (body is null) return request;
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType!);
        request.Content.Headers.ContentLength = body.Length;
        // RFC 8951 wants the header ignored; BouncyCastle's and older servers want it there.
        request.Content.Headers.TryAddWithoutValidation("Content-Transfer-Encoding", "base64");
        return request;
    }

    private string ReadPassword() => _server.Password?.Invoke() is { } password
        ? password
        : throw new ProblemException("est_no_password", $"there is no password for user '{_server.Username}' at {_base}",
            "configure the file that holds the password", 500);

    private static string[] Challenges(HttpHeaderValueCollection<AuthenticationHeaderValue> values)
    {
        var schemes = new List<string>();
        foreach (var value in values)
        {
            if (schemes.Count < 4) schemes.Add(PeerText.Clean(value.Scheme));
        }

        return [.. schemes];
    }

    private static TlsServer TlsServerOf(EstServer server) => new()
    {
        Url = server.BaseUrl,
        Trust = server.Trust,
        Clock = server.Clock,
        ClientCertificate = server.ClientCertificate,
        Timeout = server.Timeout,
        Credential = server.Credential,
    };

    private Uri UrlOf(string operation) => new($"{_base}/{operation}");

    private static partial class Log
    {
        [LoggerMessage(202, LogLevel.Debug, "{Method} {Url} with credential '{Credential}': {Status} after {Milliseconds} ms")]
        public static partial void Answered(ILogger logger, string method, Uri url, string credential, int status, long milliseconds);

        [LoggerMessage(203, LogLevel.Information, "{Url} redirects to {Target}, on the same server: followed")]
        public static partial void Redirected(ILogger logger, Uri url, Uri target);
    }
}
