using EstProv.Certificates.Client;
using EstProv.Contract.Tests.Stores;
using EstProv.LocalApi.Client;
using EstProv.LocalApi.Server;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Certificates.Tests.Api;

/// <summary>A certd of another version, or something else at its socket.</summary>
public sealed class CertificateClientTests
{
    private TemporaryFolder _folder;
    private byte[] _answer = [];
    private LocalServer _server;
    private LocalClient _http;

    [SetUp]
    public void Start()
    {
        _folder = new TemporaryFolder();
        _server = new LocalServer(new LocalServerOptions { SocketPath = _folder["certd.sock"] }, NullLogger.Instance, TimeProvider.System);
        _server.Map("GET", "/certificates/{id}", ["2020-09-01"], (_, response) => response.Bytes(_answer, "application/json"));
        _server.Start();
        _http = new LocalClient(_folder["certd.sock"], "estprov-certd", "Certificates Service", TimeSpan.FromSeconds(10));
    }

    [TearDown]
    public void Stop()
    {
        _http.Dispose();
        _server.Dispose();
        _folder.Dispose();
    }

    [TestCase("", TestName = "An answer that is empty")]
    [TestCase("[]", TestName = "An answer that is no object")]
    [TestCase("{\"pem\":", TestName = "An answer that is broken off")]
    [TestCase("{\"pem\":1}", TestName = "An answer with a number where a text belongs")]
    [TestCase("{\"pem\":\"\xFF\"}", TestName = "An answer with a text that is not UTF-8")]
    public async Task An_answer_that_is_none_is_told_as_such(string answer)
    {
        _answer = System.Text.Encoding.Latin1.GetBytes(answer);
        var problem = await Assert.ThrowsAsync<ProblemException>(() => new CertificateClient(_http).GetAsync("device-id", CancellationToken.None));
        Assert.That((problem!.Code, problem.Status), Is.EqualTo(("certd_bad_answer", 502)));
        Assert.That(problem.Hint, Is.Not.Empty);
    }
}
