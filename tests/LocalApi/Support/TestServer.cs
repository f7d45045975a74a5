using EstProv.LocalApi.Server;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.LocalApi.Tests.Support;

/// <summary>A server on a socket of its own, under virtual time.</summary>
internal sealed class TestServer : IDisposable
{
    public const string Version = "2020-09-01";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("estprov-local-api");

    public TestServer(Func<LocalServerOptions, LocalServerOptions>? change = null, string name = "keyd")
    {
        SocketPath = Path.Combine(_folder.FullName, name + ".sock");
        var options = new LocalServerOptions { SocketPath = SocketPath };
        Server = new LocalServer(change is null ? options : change(options), Logger, Time);
    }

    public string SocketPath { get; }

    public CapturingLogger Logger { get; } = new();

    public FakeTimeProvider Time { get; } = new();

    public LocalServer Server { get; }

    public TestServer Map(string method, string pattern, RouteHandler handler, RouteOptions? options = null)
    {
        Server.Map(method, pattern, [Version], handler, options);
        return this;
    }

    /// <summary>Routes that most tests need: an echo of the body, and a plain answer.</summary>
    public TestServer Start()
    {
        Map("POST", "/echo", static (request, response) => response.Bytes(request.Body.Span, request.ContentType ?? "application/octet-stream"));
        Map("GET", "/plain", static (_, response) => response.Bytes("plain"u8, "text/plain"));
        Server.Start();
        return this;
    }

    public RawClient Connect() => new(SocketPath);

    public void Dispose()
    {
        Server.Dispose();
        _folder.Delete(recursive: true);
    }
}
