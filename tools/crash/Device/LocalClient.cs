using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace EstProv.Crash.Device;

/// <summary>A local program that asks one daemon. Knows nothing of the product's own code.</summary>
internal sealed class LocalClient : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly HttpClient _http;
    private readonly string _version;

    public LocalClient(DeviceFolder device, string daemon, string version = "2020-09-01")
    {
        var socket = new UnixDomainSocketEndPoint(Path.Combine(device.At("run"), daemon + ".sock"));
        _version = version;
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = (_, cancel) => ConnectAsync(socket, cancel) })
        {
            BaseAddress = new Uri("http://localhost"),
            Timeout = s_patience,
        };
    }

    /// <summary>Null: nobody there yet.</summary>
    public (HttpStatusCode Status, JsonElement Body)? Ask(string path, string? body = null, HttpMethod? method = null)
    {
        try
        {
            var uri = $"{path}{(path.Contains('?') ? '&' : '?')}api-version={_version}";
            using var request = new HttpRequestMessage(method ?? (body is null ? HttpMethod.Get : HttpMethod.Post), uri);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using var answer = _http.Send(request);
            using var reader = new StreamReader(answer.Content.ReadAsStream());
            var text = reader.ReadToEnd();
            using var document = JsonDocument.Parse(text.Length == 0 ? "{}" : text);
            return (answer.StatusCode, document.RootElement.Clone());
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    private static async ValueTask<Stream> ConnectAsync(EndPoint socket, CancellationToken cancel)
    {
        var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await connection.ConnectAsync(socket, cancel);
            return new NetworkStream(connection, ownsSocket: true);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
