using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>While an EST server takes its time, nothing else does: no lock is held over the network.</summary>
public sealed class SlowServerTests
{
    [Test]
    public async Task While_a_request_hangs_reads_other_requests_and_other_credentials_go_on()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Provision();
        device.AwaitIdle();
        // By the device's own time, which stands still: it hangs until it is let go.
        device.HangEst("default");
        var hanging = Task.Run(() => device.Issuer.Issue("module-id", Csr.Make("CN=module").Pem, null, CancellationToken.None));
        Assert.That(() => Hangs(device), Is.True.After(10_000, 10));

        Assert.That(device.Served("device-id"), Is.Not.Null);
        Assert.That(device.Served("est-id"), Is.Not.Null);
        Assert.That(PemText.Parse(device.Reader.Read("trust-bundle")), Is.Not.Empty);
        var other = device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Assert.That(PemText.Parse(other)[0].Subject, Is.EqualTo("CN=server"), "another label of the same server, with the same identity, over a connection of its own");
        Assert.That(device.Ensure("device-ca").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        device.Advance(TimeSpan.FromSeconds(1));
        Assert.That(new Certificates.Engine.CredentialListing(device.Parts, device.Engine).List().Credentials, Is.Not.Empty);
        Assert.That(hanging.IsCompleted, Is.False, "all that time it hung");

        device.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.That(() => hanging.IsCompleted, Is.True.After(20_000, 10), "it ends by its own time");
        Assert.That(hanging.Exception is null or { InnerException: Platform.ProblemException }, Is.True);
    }

    [Test]
    public async Task While_the_est_identity_itself_hangs_in_its_renewal_it_is_used_for_everything_else()
    {
        await using var device = await RenewalTests.ProvisionedAsync();
        device.HangEst("est-id");
        device.Time.Advance(TimeSpan.FromHours(1));
        device.AwaitIdle();
        device.Requests.Renew("est-id", true, "a test", TimeSpan.Zero, CancellationToken.None);
        Assert.That(() => Hangs(device), Is.True.After(10_000, 10));

        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None), Throws.Nothing);
        Assert.That(device.Ensure("device-ca").State, Is.EqualTo(CredentialState.Current), "got with the EST identity meanwhile");
        Assert.That(device.Served("est-id"), Is.Not.Null);
        Assert.That(device.Engine.Table.Find("est-id")!.Busy, Is.True);
    }

    private static bool Hangs(TestDevice device) => device.Simulator.Faults.Rules.Any(rule => rule is { Kind: FaultKind.Delay, Hits: > 0 });
}
