using System.Text;
using System.Text.Json;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.LocalApi.Tests.Metrics;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary><c>GET /metrics</c> and <c>GET /token</c> of the daemon with a SoftHSM2 token.</summary>
public sealed class MetricsAndTokenTests
{
    private SoftHsm _token;
    private KeydUnderTest _keyd;

    [SetUp]
    public void Start()
    {
        _token = new SoftHsm();
        _token.MakeKey("device id", "01");
        _keyd = new KeydUnderTest();
        Configure(SoftHsm.Module);
        _keyd.Start();
    }

    [TearDown]
    public void Stop()
    {
        _keyd.Dispose();
        _token.Dispose();
    }

    [Test]
    public void What_is_served_is_what_the_readme_says()
    {
        var key = _keyd.Client.FindKeyPair("bootstrap")!;
        for (var i = 0; i < 3; i++) _keyd.Client.SignDigest(key.Handle, SignatureScheme.Ecdsa,
            System.Security.Cryptography.HashAlgorithmName.SHA256, new byte[32]);
        var text = Encoding.UTF8.GetString(_keyd.Http.Send("GET", "/metrics").Body);
        Assert.That(MetricsPage.Served(text), Is.EqualTo(MetricsPage.Documented("EstProv.Keys/README.md")));
        Assert.That(MetricsPage.Value(text, "estprov_signatures_total"), Is.EqualTo(3));
        Assert.That(MetricsPage.Value(text, "estprov_token_up"), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_token_open_failures_total"), Is.Zero);
    }

    [Test]
    public void A_token_that_can_be_used_is_told_without_its_pin()
    {
        var body = Encoding.UTF8.GetString(_keyd.Http.Send("GET", "/token?api-version=2021-05-01").Body);
        using var answer = JsonDocument.Parse(body);
        Assert.That(answer.RootElement.GetProperty("store").GetString(), Does.Contain(SoftHsm.Module));
        Assert.That(answer.RootElement.GetProperty("model").GetString(), Is.EqualTo("SoftHSM v2"));
        Assert.That(body, Does.Not.Contain(SoftHsm.Pin).And.Not.Contain("pin-value"));
    }

    [Test]
    public void One_that_cannot_be_used_is_told_with_the_cause_and_counted()
    {
        _keyd.Stop();
        Configure("/nowhere/module.so");
        _keyd.Start();
        var problem = Assert.Throws<ProblemException>(() => _keyd.Http.Send("GET", "/token?api-version=2021-05-01"))!;
        Assert.That((problem.Status, problem.Code), Is.EqualTo((503, "module_missing")));
        var text = Encoding.UTF8.GetString(_keyd.Http.Send("GET", "/metrics").Body);
        Assert.That(MetricsPage.Value(text, "estprov_token_up"), Is.Zero);
    }

    private void Configure(string module) => _keyd.Configure($"""
        [pkcs11]
        "lib_path" = "{module}"
        "base_slot" = "{_token.TokenUri}"

        [preloaded_keys]
        "bootstrap" = "pkcs11:token=edge;object=device%20id?pin-value=1234"
        """);
}
