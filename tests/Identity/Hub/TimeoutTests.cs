using EstProv.Est;
using EstProv.Est.Transport;
using EstProv.Identity.Dps;
using EstProv.Identity.Hub;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Hub;

/// <summary>A hub and a DPS that take a request and never answer. The limit is in real time, and shorter here.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class TimeoutTests : IDisposable
{
    private readonly TestPki _pki = new("Test CA");
    private readonly ManualResetEventSlim _over = new();
    private readonly TestDps _silent;

    public TimeoutTests() => _silent = new TestDps(_pki.Server("localhost"))
    {
        TakesTokens = true,
        Script = _ =>
        {
            _over.Wait();
            return null;
        },
    };

    public void Dispose()
    {
        _over.Set();
        _silent.Dispose();
        _over.Dispose();
    }

    [Test]
    public void A_hub_that_does_not_answer_is_told()
    {
        using var client = new HubClient(new HubDevice("hub.example", _silent.Url.Authority, "dev-1"),
            Server("hub", "an IoT hub"), "key device-id", null, new MemoryStream(), NullLogger.Instance);
        Message.Shown("hub_timeout", Refused(() => client.ListAsync(default)));
    }

    [Test]
    public void A_dps_that_does_not_answer_is_told()
    {
        using var client = new DpsClient(Server("dps", "a DPS endpoint"), null, NullLogger.Instance);
        var request = new DpsRequest
        {
            Endpoint = _silent.Url,
            ScopeId = "0neTEST",
            RegistrationId = "dev-1",
            Credential = "certificate device-id",
            UnauthorizedHint = "",
        };
        Message.Shown("dps_timeout", Refused(() => client.RegisterAsync(request, default)));
    }

    private TlsServer Server(string codes, string kind) => new()
    {
        Url = _silent.Url,
        Trust = new EstTrust { Anchors = [_pki.Root] },
        Clock = new BelievedClock(TimeProvider.System, DateTimeOffset.UtcNow.AddDays(-7)),
        Timeout = TimeSpan.FromSeconds(8),
        Credential = "device-id",
        Kind = kind,
        Codes = codes,
    };

    private static ProblemException Refused(Func<Task> call)
        => Assert.Throws<ProblemException>(() => call().GetAwaiter().GetResult())!;
}
