using System.Text;
using EstProv.LocalApi;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Cli.Tests;

/// <summary>The sockets of the daemons in a folder, answering what a test sets.</summary>
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

    /// <summary>To what an operator has certd do.</summary>
    public string Answer { get; set; } = "{}";

    /// <summary>In place of <see cref="Answer"/>.</summary>
    public ProblemException? Refusal { get; set; }

    /// <summary>Path, media type and body of the last such request.</summary>
    public string Sent { get; private set; } = "";

    public FakeDevice StartKeyd()
    {
        var server = New("keyd");
        server.Map("GET", "/publickey", ["2021-05-01"], (request, response) =>
        {
            var id = request.Query("id") ?? "";
            if (Refusal is { } refusal) throw refusal;
            if (!PublicKeys.TryGetValue(id, out var spki)) throw new ProblemException("key_not_found", $"there is no key '{id}'", "create it first", 404);
            response.Bytes(spki, "application/octet-stream");
        });
        server.Start();
        return this;
    }

    public FakeDevice StartCertd()
    {
        var server = New("certd");
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

    private LocalServer New(string daemon)
    {
        var server = new LocalServer(new LocalServerOptions { SocketPath = Path.Combine(Folder, daemon + ".sock") }, NullLogger.Instance, TimeProvider.System);
        _servers.Add(server);
        return server;
    }
}
