using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>The issuer <c>self_signed</c>: of credentials whose key is in keyd, and of requests that such a key has signed.</summary>
public sealed class SelfSignedTests
{
    [Test]
    public async Task A_bench_device_lives_without_an_est_server()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(
            ("device-ca", TestDevice.By(IssuanceMethod.SelfSigned)), ("device-id", TestDevice.By(IssuanceMethod.DeviceCa)), ("module-server", TestDevice.By(IssuanceMethod.DeviceCa)));
        device.Start();

        var leaf = device.Provision();
        var server = PemText.Parse(device.Issuer.Issue("module-server", Csr.Make("CN=edgehub").Pem, null, CancellationToken.None));

        var ca = device.Served("device-ca");
        Assert.That(ca.IssuerName.RawData, Is.EqualTo(ca.SubjectName.RawData));
        Assert.That(leaf.Issuer, Is.EqualTo(ca.Subject));
        Assert.That(server[1].RawData, Is.EqualTo(ca.RawData));
        Assert.That(server[0].Extensions["2.5.29.17"]!.Format(false), Does.Contain(Environment.MachineName), "a server certificate has the host's names where its request has none");
        Assert.That(device.Asked, Is.Empty);
    }

    [Test]
    public async Task A_self_signed_device_identity_is_renewed_with_a_new_key()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.SelfSigned, name: "bench") with { ExpiryDays = 10 }));
        device.Start();
        var first = device.Provision();
        Assert.That(first.Subject, Is.EqualTo("CN=bench"));
        Assert.That(first.NotAfter.ToUniversalTime() - first.NotBefore.ToUniversalTime(), Is.EqualTo(TimeSpan.FromDays(10) + TimeSpan.FromMinutes(5)));
        Assert.That(device.Current("device-id")!.Url, Is.EqualTo("local:self"));

        device.Advance(TimeSpan.FromDays(8));
        device.Restart();
        var second = device.Provision();

        Assert.That(second.PublicKey.ExportSubjectPublicKeyInfo(), Is.Not.EqualTo(first.PublicKey.ExportSubjectPublicKeyInfo()));
        Assert.That(second.IssuerName.RawData, Is.EqualTo(second.SubjectName.RawData));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_device_ca_that_the_operator_brought_signs()
    {
        await using var device = await TestDevice.CreateAsync();
        var request = new CertificateRequest("CN=plant CA", (ECDsa)device.Keyd.Preload("device-ca"), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        var ca = request.CreateSelfSigned(device.Time.GetUtcNow().AddDays(-1), device.Time.GetUtcNow().AddDays(20));
        File.WriteAllText(device.FileOf("plant.pem"), ca.ExportCertificatePem());
        device.PreloadFile("device-ca", "plant.pem");
        device.Configuration = device.Configuration with
        {
            Issuance = new Dictionary<string, CertificateIssuance> { ["device-id"] = TestDevice.By(IssuanceMethod.DeviceCa) with { ExpiryDays = 90 } },
        };
        device.Start();

        var leaf = device.Provision();

        Assert.That(leaf.Issuer, Is.EqualTo("CN=plant CA"));
        Assert.That(leaf.NotAfter, Is.EqualTo(ca.NotAfter), "within its issuer's life");
        Assert.That(leaf.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().Single().SerialNumber!.Value.ToArray(), Is.EqualTo(ca.SerialNumberBytes.ToArray()),
            "an issuer without a key identifier is named by its serial number");
    }

    [TestCase("device_ca_expired", true)]
    [TestCase("device_ca_unusable", false)]
    public async Task A_device_ca_of_the_operators_that_cannot_sign_is_told(string name, bool isCa)
    {
        await using var device = await TestDevice.CreateAsync();
        var now = device.Time.GetUtcNow();
        var request = new CertificateRequest("CN=plant CA", (ECDsa)device.Keyd.Preload("device-ca"), HashAlgorithmName.SHA256);
        if (isCa) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        var ca = request.CreateSelfSigned(now.AddDays(-20), isCa ? now.AddDays(-1) : now.AddDays(20));
        File.WriteAllText(device.FileOf("plant.pem"), ca.ExportCertificatePem());
        device.PreloadFile("device-ca", "plant.pem");
        device.Configuration = device.Configuration with
        {
            Issuance = new Dictionary<string, CertificateIssuance> { ["device-id"] = TestDevice.By(IssuanceMethod.DeviceCa) },
        };
        device.Start();
        Ask();
        device.AwaitIdle();
        var answer = Ask();
        Assert.That(answer.Problem, Is.Not.Null, () => $"{answer.State}\n{device.Events}");
        Message.Shown(name, answer.Problem!.AsShown(), device.Names);

        CredentialAnswer Ask() => device.Requests.Ensure(
            "device-id", "device-id", null, TimeSpan.Zero, provesItself: true, CancellationToken.None);
    }

    [Test]
    public async Task An_issuer_whose_file_is_cut_is_named()
    {
        await using var device = await TestDevice.CreateAsync();
        File.WriteAllText(device.FileOf("plant.pem"), "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        device.PreloadFile("plant-ca", "plant.pem");
        device.Start();
        void Issue() => device.Issuer.Issue("x", Csr.Make("CN=a").Pem, "plant-ca", CancellationToken.None);
        Message.Shown("issuer_not_found-damaged", Assert.Throws<ProblemException>(Issue)!, device.Names);
    }

    [Test]
    public async Task Iot_edges_ca_is_self_signed_for_the_key_in_keyd_and_signs_for_who_may_name_it()
    {
        await using var device = await TestDevice.CreateAsync();
        var policy = new CsrPolicy { Position = TestDevice.At(0).Position, Ca = true };
        device.Issue(("aziot-edged-ca", TestDevice.By(IssuanceMethod.SelfSigned, name: "iotedged workload ca") with { Csr = policy, ExpiryDays = 20 }));
        device.Start();
        var key = (ECDsa)device.Keyd.ByHandle(device.Keyd.CreateKeyPair("aziot-edged-ca", "ec-p256").Handle);
        var csr = Csr.Make("CN=whatever", AsCa, key).Pem;

        var ca = PemText.Parse(device.Issuer.Issue("aziot-edged-ca", csr, null, CancellationToken.None))[0];
        var (moduleCsr, moduleKey) = Csr.Make("CN=hub", request => request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false)));
        var module = PemText.Parse(device.Issuer.Issue("aziot-edged/module/$edgeHub:server", moduleCsr, "aziot-edged-ca", CancellationToken.None));

        Assert.That(ca.Subject, Is.EqualTo("CN=iotedged workload ca"), "the configured name goes before the request's");
        Assert.That(ca.Extensions.OfType<X509BasicConstraintsExtension>().Single(), Has.Property("CertificateAuthority").True.And.Property("PathLengthConstraint").EqualTo(0));
        Assert.That(module[0].PublicKey.ExportSubjectPublicKeyInfo(), Is.EqualTo(moduleKey.ExportSubjectPublicKeyInfo()));
        Assert.That(module[1].RawData, Is.EqualTo(ca.RawData));
        Assert.That(module[0].NotAfter, Is.EqualTo(ca.NotAfter));
        Assert.That(() => device.Issuer.Issue("sub-ca", Csr.Make("CN=sub", AsCa).Pem, "aziot-edged-ca", CancellationToken.None), Refused("csr_not_allowed"));
        Message.Shown("issuer_not_found",
            Assert.Throws<ProblemException>(() => device.Issuer.Issue("x", moduleCsr, "bootstrap-ca", CancellationToken.None))!);
        Message.Shown("issuer_not_found-no-key",
            Assert.Throws<ProblemException>(() => device.Issuer.Issue("x", moduleCsr, "est-ca", CancellationToken.None))!);
    }

    [Test]
    public async Task A_request_for_another_key_is_not_signed_with_the_one_in_keyd()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("module-id", TestDevice.By(IssuanceMethod.SelfSigned)));
        device.Start();
        device.Keyd.CreateKeyPair("module-id", "ec-p256");
        var problem = Assert.Throws<ProblemException>(() => device.Issuer.Issue("module-id", Csr.Make("CN=a").Pem, null, CancellationToken.None))!;
        Message.Shown("csr_not_allowed-other-key", problem);
        Assert.That(device.Keyd.Signatures, Is.Zero);
    }

    private static void AsCa(CertificateRequest request) => request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));

    private static NUnit.Framework.Constraints.EqualStringConstraint Refused(string code) => Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo(code);
}
