using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>A local program that asks the daemons of a device; nothing of the product's own client is in it.</summary>
internal sealed class LocalCalls(Device device) : IDisposable
{
    private readonly Dictionary<string, HttpClient> _clients = [];

    /// <summary>The body of an answer 200; anything else fails the test.</summary>
    public JsonElement Ask(string daemon, HttpMethod method, string path, object? body = null)
    {
        var (status, text) = Send(daemon, method, path, body);
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), () => $"{method} {path}: {text}\n{device.Logs()}");
        return JsonElement.Parse(text);
    }

    public (HttpStatusCode Status, string Text) Send(string daemon, HttpMethod method, string path, object? body = null)
    {
        var version = daemon == "keyd" ? "2021-05-01" : "2020-09-01";
        using var request = new HttpRequestMessage(method, $"{path}{(path.Contains('?') ? '&' : '?')}api-version={version}");
        if (body is not null) request.Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        using var answer = Client(daemon).Send(request);
        using var reader = new StreamReader(answer.Content.ReadAsStream());
        return (answer.StatusCode, reader.ReadToEnd());
    }

    public void Dispose()
    {
        foreach (var client in _clients.Values) client.Dispose();
    }

    private HttpClient Client(string daemon)
    {
        if (_clients.TryGetValue(daemon, out var known)) return known;
        var socket = new UnixDomainSocketEndPoint(Path.Combine(device.RuntimeDir, daemon + ".sock"));
        var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = (_, cancel) => ConnectAsync(socket, cancel) })
        {
            BaseAddress = new Uri("http://localhost"),
            Timeout = TimeSpan.FromSeconds(60),
        };
        _clients.Add(daemon, client);
        return client;
    }

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
