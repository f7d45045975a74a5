using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Est.Tests.Support;

/// <summary>One PKI, one key to enrol, and a clock that stands still: what nearly every test begins with.</summary>
internal sealed class EstFixture : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    public EstFixture()
    {
        Time = new FakeTimeProvider(TestCa.Now);
        Clock = new BelievedClock(Time, TestCa.Now - TimeSpan.FromDays(30));
        Root = TestCa.Root();
        Issuing = Root.Intermediate();
        ServerCertificate = Issuing.Context(Issuing.Server());
        Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Csr = Request(Key);
    }

    public FakeTimeProvider Time { get; }

    public BelievedClock Clock { get; set; }

    public TestCa Root { get; }

    public TestCa Issuing { get; }

    public SslStreamCertificateContext ServerCertificate { get; set; }

    public ECDsa Key { get; }

    public byte[] Csr { get; }

    public RecordingLogger Logger { get; } = new();

    public byte[] Spki => Key.ExportSubjectPublicKeyInfo();

    public static byte[] Request(ECDsa key, string subject = "CN=device-1") => CertificateSigningRequests.Create(
        new CertificateRequestContent { Subject = new X500DistinguishedName(subject) },
        new RemoteSignatureGenerator(key.ExportSubjectPublicKeyInfo(), (_, digest) => key.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence)));

    public ScriptedServer Serve(Func<ReceivedRequest, Answer> script, Func<ScriptedServer, ScriptedServer>? set = null)
    {
        var server = new ScriptedServer(ServerCertificate, script);
        if (set is not null) server = set(server);
        _owned.Add(server);
        return server;
    }

    public ScriptedServer Serve(ScriptedServer server)
    {
        _owned.Add(server);
        return server;
    }

    public EstServer At(ScriptedServer server, string host = "localhost", string path = "/.well-known/est") => At(server.Port, host, path);

    public EstServer At(int port, string host = "localhost", string path = "/.well-known/est") => new()
    {
        BaseUrl = new Uri($"https://{host}:{port}{path}"),
        Trust = new EstTrust { Anchors = [Root.Public] },
        Clock = Clock,
        Credential = "bootstrap",
    };

    public EstClient Client(EstServer server)
    {
        var client = new EstClient(server, Logger);
        _owned.Add(client);
        return client;
    }

    /// <summary>Enrols once and gives what it failed with.</summary>
    public async Task<ProblemException> FailureAsync(EstServer server) => await FailureAsync(Client(server));

    public async Task<ProblemException> FailureAsync(EstClient client) =>
        (await Assert.ThrowsAsync<ProblemException>(() => client.EnrollAsync(Csr, EstOperation.Simple, CancellationToken.None)))!;

    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
        Key.Dispose();
    }
}

/// <summary>Keeps the lines, so that tests can say what must be in a log and what must never be.</summary>
internal sealed class RecordingLogger : ILogger
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate) return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_gate) _lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
