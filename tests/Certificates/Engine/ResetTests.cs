using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>Back to the bootstrap identity, without a moment in which the device has no way on.</summary>
public sealed class ResetTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromMinutes(1);

    [Test]
    public async Task The_est_identity_is_got_anew_and_proved_before_anything_is_forgotten()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        var before = device.Current("est-id")!;
        device.Events.Clear();

        Reset(device);

        var after = device.Current("est-id")!;
        Assert.That((after.Spki == before.Spki, after.Credential), Is.EqualTo((false, "bootstrap")));
        Assert.That(device.Current("device-id"), Is.Null);
        var seen = device.Events.All.Select(static seen => $"{seen.Kind} {seen.Id}").ToList();
        Assert.That(seen.IndexOf("committed est-id"), Is.InRange(0, seen.IndexOf("deleted device-id")), () => device.Events.ToString());
        Assert.That(seen, Has.Some.EqualTo("deleted module-server").And.Some.EqualTo("bootstrap bootstrap"));
        Assert.That(seen, Has.None.EqualTo("deleted est-id"));
        device.Provision();
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1));
    }

    [TestCase("reset_refused-forbidden", 403)]
    [TestCase("reset_refused-server-error", 500)]
    [TestCase("reset_refused-pending", 202)]
    public async Task A_server_that_does_not_want_the_bootstrap_identity_leaves_the_device_as_it_was(string name, int status)
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var (identity, deviceId) = (device.Current("est-id")!, device.Current("device-id")!);
        device.Simulator.AddFault(new FaultRule
        {
            Kind = FaultKind.Status,
            Service = SimulatorService.Est,
            Route = "simpleenroll",
            Label = "est-id",
            Status = status,
        });

        Message.Shown(name, Assert.Throws<ProblemException>(() => Reset(device))!, device.Names);

        for (var i = 0; i < 48; i++) device.Advance(TimeSpan.FromMinutes(30));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(2), "the first issue's and this one, and no more");
        device.Restart();
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That((device.Current("est-id")!.Spki, device.Current("device-id")!.Spki), Is.EqualTo((identity.Spki, deviceId.Spki)));

        device.Simulator.Faults.Clear();
        Reset(device);
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(identity.Spki));
    }

    [TestCase("staged")]
    [TestCase("previous kept")]
    [TestCase("committed")]
    [TestCase("promoted")]
    [TestCase("staged dropped")]
    public async Task A_reset_that_ends_at_any_step_leaves_a_device_that_goes_on_by_itself(string step)
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Stop();
        var isOver = false;
        device.Start(at =>
        {
            isOver |= at == step;
            if (isOver) throw new ProblemException("killed", "the process has ended", "", 503);
        });
        try
        {
            Reset(device);
        }
        catch (ProblemException)
        {
            device.AwaitIdle();
        }

        device.Restart();
        device.AwaitIdle();
        device.Advance(TimeSpan.FromMinutes(5));
        Assert.That(device.Current("est-id"), Is.Not.Null);
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
        if (device.Ensure("device-id").State != CredentialState.Current) device.Provision();
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Reset(device);
    }

    [Test]
    public async Task What_would_be_shown_is_judged_and_no_import_beside_it()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        var good = device.Parts.Preloaded.ReadFile("bootstrap").Pem;
        var imported = CertificateFacts.Describe("bootstrap", StoredKind.Imported, PemText.Parse(good)[0], good, device.Time.GetUtcNow(), 0) with
        {
            OperatorFile = null,
        };
        device.MakeBootstrap("bootstrap", "bootstrap.cer", "CN=device-1", TimeSpan.FromHours(1));
        device.Advance(TimeSpan.FromHours(2));
        lock (device.Engine.Table.Gate) device.Engine.Table.PutOther(imported with { OperatorFile = device.Parts.Preloaded.ReadFile("bootstrap").Hash });
        Assert.That(device.Reader.Read("bootstrap"), Is.EqualTo(good), "the import is what is told");

        Assert.That(device.Resets.Judge("est-id", device.Resets.Identities["est-id"]), Has.Property("IsOver").True);
        Message.Shown("reset_refused-expired", Assert.Throws<ProblemException>(() => device.Resets.Demand(CancellationToken.None))!);
        Assert.That(device.Resets.Ids(), Is.EqualTo(new[] { "device-id", "est-id" }), "what was imported stays");
    }

    [Test]
    public async Task A_device_that_could_not_come_back_is_refused()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.Keyd.Lose("bootstrap");
        Assert.That(Refusal(), Does.Contain("no key 'bootstrap'"));
        device.MakeBootstrap("bootstrap", "bootstrap.cer", "CN=device-1");
        Assert.That(() => device.Resets.Demand(CancellationToken.None), Throws.Nothing);
        device.Stop();
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { BootstrapIdentityCert = null } };
        device.Start();
        Message.Shown("reset_refused", Assert.Throws<ProblemException>(() => device.Resets.Demand(CancellationToken.None))!);

        string Refusal() => Assert.Throws<ProblemException>(() => device.Resets.Demand(CancellationToken.None))!.Message;
    }

    private static void Reset(TestDevice device)
    {
        device.Resets.Demand(CancellationToken.None);
        using var impatience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        device.Resets.Run(device.Resets.Ids(), "user 0", Wait, impatience.Token);
    }
}
