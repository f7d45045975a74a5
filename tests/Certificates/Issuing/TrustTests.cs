using EstProv.Certificates.Issuing;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>A server's path never runs through a CA under the one that signs our device CA; that is found out before such a device CA is in use.</summary>
public sealed class TrustTests
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task A_device_ca_that_would_lock_the_est_server_out_is_not_taken(bool sameRoot)
    {
        await using var device = await TestDevice.CreateAsync();
        var pki = device.Simulator.Pki;
        var signer = sameRoot ? pki.IdentityRoot : pki.Bootstrap;
        // The EST server's CA, signed by the root that signs device CAs as well.
        var crossSigned = device.CrossSign(pki.EstServer.Certificate, pki.IdentityRoot);
        await File.WriteAllTextAsync(device.FileOf("anchors.pem"), crossSigned.ExportCertificatePem() + "\n" + pki.IdentityRoot.Certificate.ExportCertificatePem() + "\n");
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-ca"] = TestDevice.At(device.FileOf("anchors.pem")) },
        };
        device.Start();
        var deviceCa = device.CrossSign(pki.DeviceIdentity.Certificate, signer).ExportCertificatePem() + "\n" + signer.Certificate.ExportCertificatePem() + "\n";

        void Demand() => device.Parts.Est!.DemandTrust(new Uri(device.Base), ShownCredential.Basic, deviceCa, CancellationToken.None);

        if (sameRoot) Message.Shown("device_ca_unusable-lock-out", Assert.Throws<ProblemException>(Demand)!);
        else Assert.That(Demand, Throws.Nothing);
    }
}
