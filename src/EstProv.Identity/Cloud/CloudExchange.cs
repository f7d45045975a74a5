using System.Net;
using System.Net.Http.Headers;
using EstProv.Est.Transport;
using EstProv.Identity.Sas;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Cloud;

/// <summary>
/// Requests of the device to DPS or IoT Hub over verified TLS, with a token where that is how the device shows itself. A request whose token
/// was made by a clock that the answer has put right is sent once more.
/// </summary>
internal sealed class CloudExchange : IDisposable
{
    /// <summary>Nobody puts a device to sleep for longer than this by one header.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly HttpClient _http;
    private readonly VerifiedConnection _connection;
    private readonly ResourceToken? _token;
    private readonly ILogger _logger;

    /// <param name="server">Its time-out is for one exchange, in real time.</param>
    /// <param name="token">Goes with each request; null where the TLS client certificate is all.</param>
    /// <param name="largestAnswer">In bytes.</param>
    /// <param name="tune">What is to be different about the connections; null for nothing.</param>
    public CloudExchange(TlsServer server, ResourceToken? token, int largestAnswer, ILogger logger, Action<SocketsHttpHandler>? tune = null)
    {
        (_token, _logger) = (token, logger);
        _connection = new VerifiedConnection(server, logger);
        var handler = _connection.CreateHandler();
        tune?.Invoke(handler);
        _http = new HttpClient(handler) { Timeout = server.Timeout, MaxResponseContentBufferSize = largestAnswer };
    }

    /// <summary>The last connection's TLS stood, so that the server is verified, whatever came then.</summary>
    public bool IsVerified => _connection.IsVerified;

    /// <param name="body">JSON, made anew for each sending; null for none.</param>
    /// <param name="ifMatch">Null for none.</param>
    /// <exception cref="ProblemException">A TLS or transport problem of the server, or the Key Service's.</exception>
    public async Task<CloudAnswer> SendAsync(HttpMethod method, Uri url, Func<HttpContent>? body, string? ifMatch, CancellationToken cancel)
        => await OnceAsync(method, url, body, ifMatch, mayRepeat: true, cancel)
            ?? (await OnceAsync(method, url, body, ifMatch, mayRepeat: false, cancel))!;

    public void Dispose() => _http.Dispose();

    /// <returns>Null when the token was made by a clock that has been put right since: to be asked once more.</returns>
    private async Task<CloudAnswer?> OnceAsync(HttpMethod method, Uri url, Func<HttpContent>? body, string? ifMatch, bool mayRepeat,
        CancellationToken cancel)
    {
        using var message = new HttpRequestMessage(method, url);
        (message.Version, message.VersionPolicy) = (HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact);
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("EstProv", null));
        if (ifMatch is not null) message.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (_token is not null) message.Headers.TryAddWithoutValidation("Authorization", await _token.GetAsync(cancel));
        if (body is not null)
        {
            message.Content = body();
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        }

        try
        {
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, cancel);
            var content = await response.Content.ReadAsByteArrayAsync(cancel);
            var told = response.Headers.Date;
            _connection.TakeTime(told);
            if (mayRepeat && response.StatusCode is HttpStatusCode.Unauthorized && _token?.IsOutrun(told) == true)
            {
                ClockLog.Outrun(_logger, url, told!.Value);
                return null;
            }

            var wait = _connection.RetryAfter(response.Headers);
            return new CloudAnswer(response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, content,
                wait > LongestWait ? LongestWait : wait);
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested && VerifiedConnection.IsTransport(failure))
        {
            throw _connection.Explain(failure, method, url);
        }
    }
}
