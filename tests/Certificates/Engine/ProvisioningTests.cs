using EstProv.Certificates.Tests.Support;

namespace EstProv.Certificates.Tests.Engine;

public sealed class ProvisioningTests
{
    [Test]
    public async Task A_device_gets_its_est_identity_with_the_bootstrap_certificate_and_its_device_identity_with_that()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();

        var leaf = device.Provision();

        Assert.That(leaf.Subject, Is.EqualTo("CN=device-1"));
        Assert.That(device.Asked, Is.EqualTo(new[] { "cacerts/est-id 200", "simpleenroll/est-id 200", "csrattrs/est-id 204", "cacerts/device-id 200", "simpleenroll/device-id 200" }));
        Assert.That(device.Current("est-id")!.Credential, Is.EqualTo("bootstrap"));
        Assert.That(device.Current("device-id")!.Credential, Is.EqualTo("est-id"));
        Assert.That(device.Current("device-id")!.Url, Is.EqualTo(device.Base + "/device-id"));
        Assert.That(device.Simulator.Handshakes(EstProv.Simulator.SimulatorService.Est).Full + device.Simulator.Handshakes(EstProv.Simulator.SimulatorService.Est).Resumed, Is.EqualTo(2));
    }
}
