using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using EstProv.Est.Authentication;
using EstProv.Est.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Est.Transport;

/// <summary>Requests and answers over one pooled TLS connection.</summary>
internal sealed partial class EstExchange : IDisposable
{
    private const string CsrMediaType = "application/pkcs10";

    private readonly EstServer _server;
    private readonly ILogger _logger;
    private readonly string _base;
    private readonly VerifiedConnection _connection;
    private readonly HttpClient _http;
    private readonly PasswordAuthentication? _password;

    public EstExchange(EstServer server, ILogger logger)
        : this(server, EstAddress.Check(server.BaseUrl), logger, unverified: false)
    {
    }

    private EstExchange(EstServer server, string baseUrl, ILogger logger, bool unverified)
    {
        _server = server;
        _logger = logger;
        _base = baseUrl;
        _connection = new VerifiedConnection(TlsServerOf(server, unverified), logger);
        _http = NewClient();
        if (server.Username is not null) _password = new PasswordAuthentication(server.Username, server.PasswordUse);
    }

    private EstExchange(EstServer server, EstExchange shared)
    {
        _server = server;
        _logger = shared._logger;
        _base = EstAddress.Check(server.BaseUrl);
        _connection = shared._connection.SharedWith(TlsServerOf(server));
        _http = shared._http;
        _password = shared._password;
    }

    public bool IsVerified => _connection.IsVerified;

    /// <summary>With a server that nobody has verified: nothing of ours is shown to it, and nothing that it says is believed (RFC 7030 section 4.1.1).</summary>
    public static EstExchange Unverified(EstServer server, ILogger logger) =>
        new(server with { ClientCertificate = null, Username = null, Password = null, Headers = [], Credential = "none" }, EstAddress.Check(server.BaseUrl), logger, unverified: true);

    /// <summary>Another label over the same connections. The origin must be the same: the server was verified for it.</summary>
    public EstExchange ForLabel(EstServer server) => server.BaseUrl.GetLeftPart(UriPartial.Authority) == _server.BaseUrl.GetLeftPart(UriPartial.Authority)
        ? new EstExchange(server, this)
        : throw new ProblemException("est_bad_url", $"'{server.BaseUrl}' is not on the server of '{_server.BaseUrl}'",
            "another server needs a client of its own, which verifies that one", 400);

    /// <summary>A GET follows redirects, to other servers too, each of which is verified like the first (RFC 7030 section 3.2.1).</summary>
    public async Task<EstReply> GetAsync(string operation, CancellationToken cancel)
    {
        var url = UrlOf(operation);
        var redirects = new Redirects(url);
        var reached = this;
        try
        {
            while (true)
            {
                var reply = await reached.SendAsync(HttpMethod.Get, url, reached.SharedOrOwn, cancel).ConfigureAwait(false);
                if (reached != this) reply = reply with { SentBy = _server.BaseUrl };
                if (!Redirects.IsOne(reply)) return reply;
                if (redirects.Target(reply, out var refusal) is not { } target) return reply with { NotFollowed = refusal };
                Log.Redirected(_logger, url, target);
                if (!Redirects.IsSameOrigin(url, target))
                {
                    if (reached != this) reached.Dispose();
                    reached = Redirects.IsSameOrigin(_server.BaseUrl, target) ? this : Elsewhere(target);
                }

                url = target;
            }
        }
        catch (ProblemException problem) when (reached != this)
        {
            throw new ProblemException(problem.Code, $"{problem.Message}; {_server.BaseUrl} sent us there", problem.Hint, problem.Status, problem)
            {
                RetryAfter = problem.RetryAfter,
            };
        }
        finally
        {
            if (reached != this) reached.Dispose();
        }
    }

    /// <summary>A GET of an unverified server, which is not left for another one.</summary>
    public async Task<EstReply> GetHereAsync(string operation, CancellationToken cancel)
    {
        var reply = await SendAsync(HttpMethod.Get, UrlOf(operation), SharedOrOwn, cancel).ConfigureAwait(false);
        return Redirects.IsOne(reply) ? reply with { NotFollowed = RedirectRefusal.Bootstrap } : reply;
    }

    /// <summary>A POST is sent once, and again only where the server answered that it did not take it (401): nobody can know what the server made of the first.</summary>
    public Task<EstReply> PostAsync(string operation, byte[] body, CancellationToken cancel) =>
        PostAsync(operation, (first, _) => Task.FromResult(first ? new Carrier(_http, body) : Own(body)), cancel);

    /// <summary>A POST that is bound to the TLS session which it goes over.</summary>
    /// <param name="body">Makes it, given base64 of the session's tls-unique.</param>
    public Task<EstReply> PostBoundAsync(string operation, Func<string, byte[]> body, CancellationToken cancel)
    {
        var url = UrlOf(operation);
        return PostAsync(operation, async (_, either) =>
        {
            var session = await _connection.OpenBoundAsync(url, either).ConfigureAwait(false);
            try
            {
                return new Carrier(session.Http, body(session.ChallengePassword(url)), session);
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }, cancel);
    }

    public void Dispose() => _http.Dispose();

    private async Task<EstReply> PostAsync(string operation, Func<bool, CancellationToken, Task<Carrier>> open, CancellationToken cancel)
    {
        var reply = await SendAsync(HttpMethod.Post, UrlOf(operation), open, cancel).ConfigureAwait(false);
        return Redirects.IsOne(reply) ? reply with { NotFollowed = RedirectRefusal.Post } : reply;
    }

    /// <summary>Another server than the configured one, judged by the same anchors and by its own name. No user name and no password goes there.</summary>
    private EstExchange Elsewhere(Uri url)
    {
        var server = _server with { BaseUrl = url, Username = null, Password = null, Headers = [], Credential = _server.ClientCertificate is null ? "none" : _server.Credential };
        return new EstExchange(server, url.GetLeftPart(UriPartial.Path), _logger, unverified: false);
    }

    private HttpClient NewClient() => new(_connection.CreateHandler(), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };

    private Task<Carrier> SharedOrOwn(bool first, CancellationToken cancel) => Task.FromResult(first ? new Carrier(_http, null) : Own(null));

    /// <summary>A connection of its own for what is sent again after a 401: servers close the other one, and do not always say so.</summary>
    private Carrier Own(byte[]? body)
    {
        var http = NewClient();
        return new Carrier(http, body, http);
    }

    /// <summary>Sends a request, and answers the server's question for a password.</summary>
    /// <param name="open">Given whether it is the first time.</param>
    private async Task<EstReply> SendAsync(HttpMethod method, Uri url, Func<bool, CancellationToken, Task<Carrier>> open, CancellationToken cancel)
    {
        for (var requests = 1; ; requests++)
        {
            var secret = _password is null ? null : ReadPassword();
            string? nonce = null;
            var authorization = secret is null ? null : _password!.Answer(method.Method, url, secret, out nonce);
            var reply = await SendOnceAsync(method, url, either => open(requests == 1, either), authorization, secret, cancel).ConfigureAwait(false);
            if (reply.Status != 401 || _password?.AnswersTo(reply, nonce, requests) != true) return reply;
        }
    }

    private async Task<EstReply> SendOnceAsync(HttpMethod method, Uri url, Func<CancellationToken, Task<Carrier>> open, AuthenticationHeaderValue? authorization,
        string? secret, CancellationToken cancel)
    {
        using var timeout = new CancellationTokenSource(_server.Timeout, _server.Clock.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var carrier = await open(either.Token).ConfigureAwait(false);
            using var request = Request(method, url, carrier.Body, authorization);
            using var response = await carrier.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            var digest = DigestChallenge.Choose(response.Headers.WwwAuthenticate, out var unable);
            var reply = new EstReply
            {
                Method = method.Method,
                Url = url,
                Status = (int)response.StatusCode,
                MediaType = response.Content.Headers.ContentType?.MediaType?.ToLowerInvariant(),
                Boundary = response.Content.Headers.ContentType is { } type ? BoundaryOf(type) : null,
                RetryAfter = _connection.RetryAfter(response.Headers),
                Challenges = Challenges(response.Headers.WwwAuthenticate),
                Digest = digest,
                DigestUnable = unable,
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

    private HttpRequestMessage Request(HttpMethod method, Uri url, byte[]? body, AuthenticationHeaderValue? authorization)
    {
        var request = NewRequest(method, url);
        request.Headers.TryAddWithoutValidation("User-Agent", "EstProv");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        request.Headers.Authorization = authorization;
        foreach (var (name, value) in _server.Headers) request.Headers.TryAddWithoutValidation(name, value);
        if (body is null) return request;
        request.Content = new ByteArrayContent(body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(CsrMediaType);
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

    private static string? BoundaryOf(MediaTypeHeaderValue type)
    {
        foreach (var parameter in type.Parameters)
        {
            if (parameter.Name.Equals("boundary", StringComparison.OrdinalIgnoreCase)) return parameter.Value?.Trim('"');
        }

        return null;
    }

    private static TlsServer TlsServerOf(EstServer server, bool unverified = false) => new()
    {
        Url = server.BaseUrl,
        Trust = server.Trust,
        Clock = server.Clock,
        ClientCertificate = server.ClientCertificate,
        Timeout = server.Timeout,
        Credential = server.Credential,
        Proxies = server.Proxies,
        Unverified = unverified,
    };

    private Uri UrlOf(string operation) => new($"{_base}/{operation}");

    private static partial class Log
    {
        [LoggerMessage(202, LogLevel.Debug, "{Method} {Url} with credential '{Credential}': {Status} after {Milliseconds} ms")]
        public static partial void Answered(ILogger logger, string method, Uri url, string credential, object status, object milliseconds);

        [LoggerMessage(203, LogLevel.Information, "{Url} redirects to {Target}: followed")]
        public static partial void Redirected(ILogger logger, Uri url, Uri target);
    }
}
