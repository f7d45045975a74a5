using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Est.Transport;
using EstProv.Identity.Cloud;
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

    private readonly CloudExchange _exchange;
    private readonly string _credential;
    private readonly IDisposable _owned;

    /// <param name="credential">For messages: what is shown to the hub.</param>
    /// <param name="token">Goes with each request; null where the TLS client certificate is all.</param>
    /// <param name="owned">Given up with this client.</param>
    public HubClient(HubDevice device, TlsServer server, string credential, ResourceToken? token, IDisposable owned, ILogger logger)
    {
        Device = device;
        _credential = credential;
        _owned = owned;
        _exchange = new CloudExchange(server, token, LargestAnswer, logger, static handler =>
        {
            handler.MaxConnectionsPerServer = MostConnections;
            handler.PooledConnectionIdleTimeout = IdleConnection;
        });
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
        _exchange.Dispose();
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
    {
        var answer = await _exchange.SendAsync(method, url, body is null ? null : () => body.Content, ifMatch, cancel);
        return answer.Status is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.NoContent ? answer.Body
            : throw HubRefusal.Of(What(method, url), moduleId, answer);
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
