using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Est.Transport;
using EstProv.Identity.Sas;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Identity.Hub;

/// <summary>
/// The part of IoT Hub's identity registry that a device may use for its own modules (learn.microsoft.com/rest/api/iothub/service/modules):
/// GET, PUT and DELETE <c>/devices/{device}/modules[/{module}]</c>. One connection, kept between requests that follow each other.
/// </summary>
/// <remarks>Errors: <see cref="HubCodes"/>, each naming the URL and the credential. The limit on an exchange is in real time.</remarks>
internal sealed class HubClient : IDisposable
{
    public const string ApiVersion = "2021-04-12";

    /// <summary>For one exchange, in real time.</summary>
    public static readonly TimeSpan ExchangeTimeout = TimeSpan.FromSeconds(15);

    /// <summary>50 modules of less than 2 KiB each.</summary>
    private const int LargestAnswer = 256 * 1024;

    private const int MostConnections = 2;

    /// <summary>Long enough for the requests of one start, short enough for an idle device to hold nothing open.</summary>
    private static readonly TimeSpan IdleConnection = TimeSpan.FromSeconds(20);

    /// <summary>Nobody puts a device to sleep for longer than this by one header.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly HttpClient _http;
    private readonly VerifiedConnection _connection;
    private readonly string _credential;
    private readonly ResourceToken? _token;
    private readonly IDisposable _owned;
    private readonly ILogger _logger;

    /// <param name="credential">For messages: what is shown to the hub.</param>
    /// <param name="token">Goes with each request; null where the TLS client certificate is all.</param>
    /// <param name="owned">Given up with this client.</param>
    public HubClient(HubDevice device, TlsServer server, string credential, ResourceToken? token, IDisposable owned, ILogger logger)
    {
        Device = device;
        _credential = credential;
        _token = token;
        _owned = owned;
        _logger = logger;
        _connection = new VerifiedConnection(server, logger);
        var handler = _connection.CreateHandler();
        handler.MaxConnectionsPerServer = MostConnections;
        handler.PooledConnectionIdleTimeout = IdleConnection;
        _http = new HttpClient(handler) { Timeout = server.Timeout, MaxResponseContentBufferSize = LargestAnswer };
    }

    public HubDevice Device { get; }

    /// <exception cref="ProblemException">One of <see cref="HubCodes"/>, or a TLS problem of the server.</exception>
    public async Task<List<HubModule>> ListAsync(CancellationToken cancel)
    {
        var url = Device.ModulesUrl;
        var body = await SendAsync(HttpMethod.Get, url, null, null, null, cancel);
        return HubModule.ReadList(body, Device.DeviceId) ?? throw Bad(HttpMethod.Get, url, "it is no list of this device's modules");
    }

    /// <exception cref="ProblemException"><c>module_not_found</c>, and as <see cref="ListAsync"/>.</exception>
    public async Task<HubModule> GetAsync(string moduleId, CancellationToken cancel)
    {
        var url = Device.ModuleUrl(moduleId);
        return Read(HttpMethod.Get, url, moduleId, await SendAsync(HttpMethod.Get, url, moduleId, null, null, cancel));
    }

    /// <summary>Makes a module.</summary>
    /// <param name="authentication">
    /// Null has the hub choose keys: only then is the generation known, which ours are derived with.
    /// </param>
    /// <exception cref="ProblemException"><c>hub_conflict</c>: there is one already; and as <see cref="ListAsync"/>.</exception>
    public Task<HubModule> CreateAsync(string moduleId, string? managedBy, ModuleAuthentication? authentication, CancellationToken cancel)
        => PutAsync(moduleId, managedBy, authentication, null, cancel);

    /// <summary>Says by what a module shows itself from now on.</summary>
    /// <param name="module">As the hub showed it: where it has been changed or made anew since, the hub refuses.</param>
    /// <exception cref="ProblemException"><c>hub_changed</c>, <c>module_not_found</c>, and as <see cref="ListAsync"/>.</exception>
    public Task<HubModule> UpdateAsync(HubModule module, string? managedBy, ModuleAuthentication authentication, CancellationToken cancel)
        => PutAsync(module.ModuleId, managedBy ?? module.ManagedBy, authentication, module.Etag is { } etag ? $"\"{etag}\"" : "*", cancel);

    /// <exception cref="ProblemException"><c>module_not_found</c>, and as <see cref="ListAsync"/>.</exception>
    public async Task DeleteAsync(string moduleId, CancellationToken cancel)
        => await SendAsync(HttpMethod.Delete, Device.ModuleUrl(moduleId), moduleId, null, "*", cancel);

    public void Dispose()
    {
        _http.Dispose();
        _owned.Dispose();
    }

    private async Task<HubModule> PutAsync(string moduleId, string? managedBy, ModuleAuthentication? authentication, string? ifMatch,
        CancellationToken cancel)
    {
        using var body = new SecretBody();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("moduleId"u8, moduleId);
            json.WriteString("deviceId"u8, Device.DeviceId);
            if (managedBy is not null) json.WriteString("managedBy"u8, managedBy);
            authentication?.Write(json);
            json.WriteEndObject();
        }

        var url = Device.ModuleUrl(moduleId);
        return Read(HttpMethod.Put, url, moduleId, await SendAsync(HttpMethod.Put, url, moduleId, body, ifMatch, cancel));
    }

    private async Task<byte[]> SendAsync(HttpMethod method, Uri url, string? moduleId, SecretBody? body, string? ifMatch,
        CancellationToken cancel)
        => await SendAsync(method, url, moduleId, body, ifMatch, mayRepeat: true, cancel)
            ?? (await SendAsync(method, url, moduleId, body, ifMatch, mayRepeat: false, cancel))!;

    /// <returns>Null when the token was made by a clock that has been put right since: to be asked once more.</returns>
    private async Task<byte[]?> SendAsync(HttpMethod method, Uri url, string? moduleId, SecretBody? body, string? ifMatch, bool mayRepeat,
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
            message.Content = body.Content;
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        }

        try
        {
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, cancel);
            var answer = await response.Content.ReadAsByteArrayAsync(cancel);
            _connection.TakeTime(response.Headers.Date);
            if (mayRepeat && response.StatusCode is HttpStatusCode.Unauthorized && _token?.IsOutrun(response.Headers.Date) == true)
            {
                ClockLog.Outrun(_logger, url, response.Headers.Date!.Value);
                return null;
            }

            if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent) return answer;
            var wait = _connection.RetryAfter(response.Headers);
            if (wait > LongestWait) wait = LongestWait;
            throw HubRefusal.Of(What(method, url), moduleId, response.StatusCode, response.Headers, answer, wait);
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested && VerifiedConnection.IsTransport(failure))
        {
            throw _connection.Explain(failure, method, url);
        }
    }

    private HubModule Read(HttpMethod method, Uri url, string moduleId, byte[] answer)
    {
        var module = HubModule.Read(answer, Device.DeviceId);
        // The hub shows a module's keys to its device.
        CryptographicOperations.ZeroMemory(answer);
        return module?.ModuleId == moduleId ? module : throw Bad(method, url, $"it is not the module '{moduleId}'");
    }

    private string What(HttpMethod method, Uri url) => $"{method} {url} with {_credential}";

    private ProblemException Bad(HttpMethod method, Uri url, string why)
        => new(HubCodes.BadAnswer, $"{What(method, url)}: the answer is something else than IoT Hub's: {why}",
            "check whether a proxy answers in the place of the hub", 503);
}
