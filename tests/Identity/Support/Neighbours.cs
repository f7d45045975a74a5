using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Support;

/// <summary>The sockets of the other two daemons, with the few routes that the Identity Service asks for.</summary>
internal sealed class Neighbours : IDisposable
{
    private readonly LocalServer _certd;
    private readonly LocalServer _keyd;

    public Neighbours(string folder)
    {
        _certd = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(folder, "certd.sock") }, NullLogger.Instance, TimeProvider.System);
        Feed = new ChangeFeed(TimeProvider.System);
        Feed.Map(_certd, ["2020-09-01"]);
        _certd.Map("GET", "/certificates/{id}", ["2020-09-01"], (request, response) =>
        {
            if (TrustBundle is not { } pem || request.Route("id") != "trust-bundle") throw new ProblemException("certificate_not_found", "no such certificate", "", 400);
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("pem", pem);
            json.WriteEndObject();
        });
        _keyd = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(folder, "keyd.sock") }, NullLogger.Instance, TimeProvider.System);
        _keyd.Map("GET", "/keypair/{id}", ["2021-05-01"], static (request, response) =>
        {
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("keyHandle", "v1." + request.Route("id"));
            json.WriteEndObject();
        });
        _certd.Start();
        _keyd.Start();
    }

    public ChangeFeed Feed { get; }

    public string? TrustBundle { get; set; }

    public void StopKeyd() => _keyd.Stop();

    public void Dispose()
    {
        _certd.Dispose();
        _keyd.Dispose();
    }
}
