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
    private int _asked;

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
        _keyd.Map("GET", "/keypair/{id}", ["2021-05-01"], (request, response) =>
        {
            Interlocked.Increment(ref _asked);
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("keyHandle", "v1." + request.Route("id"));
            json.WriteEndObject();
        });
        SymmetricKeys.Map(_keyd);
        _certd.Map("POST", "/certificates", ["2020-09-01"], (request, response) =>
        {
            var (id, csr) = request.Json(static json => (json.Text("certId"), json.Text("csr")));
            var pem = Issue(id, csr);
            response.Status = 201;
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("pem", pem);
            json.WriteEndObject();
        });
        _certd.Start();
        _keyd.Start();
    }

    /// <summary>How often keyd was asked for a key pair.</summary>
    public int Asked => _asked;

    public ChangeFeed Feed { get; }

    public string? TrustBundle { get; set; }

    public MemorySecrets SymmetricKeys { get; } = new();

    /// <summary>What certd answers to a certificate id and a request.</summary>
    public Func<string, string, string> Issue { get; set; } = static (id, _) => throw new ProblemException("not_configured", $"nothing says how certificate '{id}' is issued", "", 400);

    public void StopKeyd() => _keyd.Stop();

    public void Dispose()
    {
        _certd.Dispose();
        _keyd.Dispose();
    }
}
