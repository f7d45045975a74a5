using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Cli.Tests;

/// <summary>The sockets of the three daemons in a folder, answering what a test sets.</summary>
internal sealed class FakeDevice : IDisposable
{
    private readonly List<LocalServer> _servers = [];

    public FakeDevice()
    {
        Folder = Directory.CreateTempSubdirectory("estprov-cli-").FullName;
        Certd = new ChangeFeed(Time);
        Identityd = new ChangeFeed(Time);
    }

    public string Folder { get; }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public ChangeFeed Certd { get; }

    public ChangeFeed Identityd { get; }

    /// <summary>Bodies by path; a missing one is answered 404.</summary>
    public Dictionary<string, string> Certificates { get; } = [];

    /// <summary>SubjectPublicKeyInfos by key id; a missing one is answered 404.</summary>
    public Dictionary<string, byte[]> PublicKeys { get; } = [];

    public string Credentials { get; set; } = """{"credentials":[]}""";

    public string Status { get; set; } = """{"state":"waiting_for_certificate","endpoint":"https://dps.example/","scope":"0ne0001","certificate":"device-id"}""";

    public Action? OnStatus { get; set; }

    public FakeMachine Machine { get; } = new();

    /// <summary>Of <c>GET /token</c>.</summary>
    public string Token { get; set; } = """{"store":"pkcs11:token=edge of /usr/lib/hsm.so","model":"HSM 3","serial":"0042"}""";

    /// <summary>What a request is refused with, by method and path.</summary>
    public Dictionary<string, ProblemException> Refusals { get; } = [];

    public string KeyPairs { get; set; } = """{"keypairs":[],"more":false}""";

    /// <summary>Of <c>GET /credentials/ID/plan</c>, by id.</summary>
    public Dictionary<string, string> Plans { get; } = [];

    public string Cloud { get; set; } = """{"servers":[{"url":"https://dps.example/"},{"url":"https://hub.example/"}]}""";

    /// <summary>Of <c>POST /credentials/ID/try</c>.</summary>
    public string Tried { get; set; } = """{"url":"https://est.example/.well-known/est","verified":true}""";

    /// <summary>Of <c>GET /bootstraps</c>.</summary>
    public string Bootstraps { get; set; } =
        """{"bootstraps":[{"identity":"est-id","id":"bootstrap","keyId":"bootstrap","subject":"CN=dev-1","notAfter":"2036-01-01T00:00:00Z","validity":"valid"}]}""";

    public double ClockBelieved { get; set; } = 1;

    public string Version { get; set; } = "1.2.3";

    /// <summary>What changed something, in order.</summary>
    public List<string> Done { get; } = [];

    /// <summary>To what an operator has certd do.</summary>
    public string Answer { get; set; } = "{}";

    /// <summary>In place of <see cref="Answer"/>.</summary>
    public ProblemException? Refusal { get; set; }

    /// <summary>Path, media type and body of the last such request.</summary>
    public string Sent { get; private set; } = "";

    public FakeDevice StartKeyd()
    {
        var server = New("keyd");
        server.Map("GET", "/token", ["2021-05-01"], (_, response) =>
        {
            Refuse("GET /token");
            response.Bytes(Encoding.UTF8.GetBytes(Token), "application/json");
        });
        server.Map("GET", "/publickey", ["2021-05-01"], (request, response) =>
        {
            Refuse("GET /publickey");
            if (Refusal is { } refusal) throw refusal;
            var id = request.Query("id") ?? "";
            var wanted = request.Query("spki");
            if (!PublicKeys.TryGetValue(id, out var key) || (wanted is not null
                && wanted != Base64Url.EncodeToString(SHA256.HashData(key))))
                throw new ProblemException("key_not_found", $"there is no key '{id}'", "create it first", 404);
            response.Header("Estprov-Key-Handle", "v1." + id);
            response.Bytes(key, "application/octet-stream");
        });
        server.Map("POST", "/keypair", ["2021-05-01"], (_, response) =>
        {
            Refuse("POST /keypair");
            response.NoContent();
        });
        server.Map("GET", "/keypairs", ["2021-05-01"], (_, response) =>
            response.Bytes(Encoding.UTF8.GetBytes(KeyPairs), "application/json"));
        server.MapMetrics(static _ => { });
        server.Start();
        return this;
    }

    public FakeDevice StartCertd()
    {
        var server = New("certd");
        server.MapMetrics(metrics => metrics.Gauge("estprov_clock_believed", ClockBelieved));
        server.Map("GET", "/credentials/{id}/plan", ["2020-09-01"], (request, response) =>
        {
            Refuse("GET plan " + request.Route("id"));
            response.Bytes(Encoding.UTF8.GetBytes(Plans[request.Route("id")]), "application/json");
        });
        server.Map("POST", "/credentials/{id}/try", ["2020-09-01"], (request, response) =>
        {
            Refuse("POST try " + request.Route("id"));
            response.Bytes(Encoding.UTF8.GetBytes(Tried), "application/json");
        });
        server.Map("DELETE", "/certificates/{id}", ["2020-09-01"], (request, response) =>
        {
            Done.Add("deleted " + request.Route("id"));
            response.NoContent();
        });
        server.Map("GET", "/bootstraps", ["2020-09-01"], (_, response) => response.Bytes(Encoding.UTF8.GetBytes(Bootstraps), "application/json"));
        server.Map("POST", "/reset", ["2020-09-01"], (request, response) =>
        {
            Refuse("POST reset");
            var body = Encoding.UTF8.GetString(request.Body.Span);
            if (body.Contains("true", StringComparison.Ordinal)) Done.Add("reset " + body);
            response.Bytes("""{"ids":["device-id","est-id"]}"""u8, "application/json");
        });
        server.Map("PUT", "/certificates/{id}", ["2020-09-01"], (request, response) =>
        {
            Refuse("PUT " + request.Route("id"));
            Done.Add($"imported {request.Route("id")} {Encoding.UTF8.GetString(request.Body.Span)}");
            response.Bytes("{}"u8, "application/json");
        });
        server.Map("GET", "/credentials", ["2020-09-01"], (_, response) => response.Bytes(Encoding.UTF8.GetBytes(Credentials), "application/json"));
        server.Map("GET", "/certificates/{id}", ["2020-09-01"], (request, response) =>
        {
            var id = request.Route("id");
            if (!Certificates.TryGetValue(id, out var pem)) throw new ProblemException("certificate_not_found", $"there is no certificate '{id}'", "'estprov status' lists them", 400);
            var json = response.Json();
            json.WriteStartObject();
            json.WriteString("pem", pem);
            json.WriteEndObject();
        });
        foreach (var pattern in new[] { "/credentials/{id}/renew", "/rescue", "/distrusted" })
        {
            server.Map("POST", pattern, ["2020-09-01"], (request, response) =>
            {
                Sent = $"{request.Path} {request.ContentType} {Encoding.UTF8.GetString(request.Body.Span)}";
                if (Refusal is { } refusal) throw refusal;
                response.Bytes(Encoding.UTF8.GetBytes(Answer), "application/json");
            });
        }

        server.Map("GET", "/distrusted", ["2020-09-01"], (_, response) => response.Bytes(Encoding.UTF8.GetBytes(Answer), "application/json"));
        Certd.Map(server, ["2020-09-01"]);
        server.Start();
        return this;
    }

    public FakeDevice StartIdentityd()
    {
        var server = New("identityd");
        server.MapMetrics(static _ => { });
        server.Map("POST", "/cloud/try", ["2022-08-01"], (_, response) =>
        {
            Refuse("POST cloud");
            response.Bytes(Encoding.UTF8.GetBytes(Cloud), "application/json");
        });
        server.Map("POST", "/identities/device/reprovision", ["2022-08-01"], (request, response) =>
        {
            Refuse("POST reprovision");
            Done.Add("reprovisioned " + Encoding.UTF8.GetString(request.Body.Span));
            response.NoContent();
        });
        server.Map("GET", "/provisioning-status", ["2022-08-01"], (_, response) =>
        {
            OnStatus?.Invoke();
            response.Bytes(Encoding.UTF8.GetBytes(Status), "application/json");
        });
        Identityd.Map(server, ["2022-08-01"]);
        server.Start();
        return this;
    }

    public void Dispose()
    {
        foreach (var server in _servers) server.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private void Refuse(string what)
    {
        if (Refusals.TryGetValue(what, out var refusal)) throw refusal;
    }

    private LocalServer New(string daemon)
    {
        var server = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(Folder, daemon + ".sock"), Version = Version },
            NullLogger.Instance, TimeProvider.System);
        _servers.Add(server);
        return server;
    }
}
