using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Simulator;
using EstProv.Simulator.Est;

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
        Assert.That(device.Asked, Is.EqualTo(new[]
        {
            "cacerts/est-id 200", "csrattrs/est-id 204", "simpleenroll/est-id 200", "csrattrs/est-id 204", "cacerts/device-id 200", "csrattrs/device-id 204",
            "simpleenroll/device-id 200",
        }));
        Assert.That(device.Current("est-id")!.Credential, Is.EqualTo("bootstrap"));
        Assert.That(device.Current("device-id")!.Credential, Is.EqualTo("est-id"));
        Assert.That(device.Current("device-id")!.Url, Is.EqualTo(device.Base + "/device-id"));
        var handshakes = device.Simulator.Handshakes(SimulatorService.Est);
        Assert.That(handshakes.Full + handshakes.Resumed, Is.EqualTo(2), "one for each credential");
        Assert.That(device.Keyd.Count("est-id") + device.Keyd.Count("device-id"), Is.EqualTo(2));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1), "each use of the bootstrap identity is an audit event");
    }

    [Test]
    public async Task Without_urls_of_their_own_all_certificates_come_from_the_default_one()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { Urls = new Dictionary<string, Positioned<Uri>> { ["default"] = TestDevice.At(new Uri(device.Base)) } },
        };
        device.Start();

        device.Provision();

        Assert.That(device.Asked, Has.All.Contain("/default "));
    }

    [Test]
    public async Task A_device_identity_can_be_minted_under_the_device_ca()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = WithLocalMint(device.Configuration);
        device.Start();

        var leaf = device.Provision();

        Assert.That(leaf.Issuer, Is.EqualTo("CN=device-1 device CA"));
        Assert.That(device.Events.Count("proved", "device-ca"), Is.EqualTo(1));
        Assert.That(PemText.Parse(device.Reader.Read("device-id")), Has.Count.EqualTo(3), "leaf, device CA and the CA above it; the root is left out");
        Assert.That(device.Asked.Count(asked => asked.StartsWith("simpleenroll", StringComparison.Ordinal)), Is.EqualTo(2));
    }

    [Test]
    public async Task A_preloaded_est_identity_needs_no_bootstrap()
    {
        await using var device = await TestDevice.CreateAsync(bootstrap: false);
        device.MakeEstIdentity("est-id", "est-id.pem", "CN=device-7");
        device.Configuration = WithPreloadedIdentity(device);
        device.Start();

        var leaf = device.Provision();

        Assert.That(leaf.Subject, Is.EqualTo("CN=device-7"), "its name is the device's where nothing else gives one");
        Assert.That(device.Asked, Is.EqualTo(new[] { "cacerts/device-id 200", "csrattrs/device-id 204", "simpleenroll/device-id 200" }));
    }

    [Test]
    public async Task User_name_and_password_need_no_certificate()
    {
        var options = new EstOptions { BasicUsers = new Dictionary<string, string> { ["factory"] = "secret" }, Require = EstRequirement.Basic };
        await using var device = await TestDevice.CreateAsync(options, bootstrap: false);
        await File.WriteAllTextAsync(device.FileOf("password"), "secret\n");
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with
            {
                Method = EstAuthentication.Basic,
                IdentityCert = null,
                IdentityPk = null,
                BootstrapIdentityCert = null,
                BootstrapIdentityPk = null,
                Username = "factory",
                PasswordFile = TestDevice.At(device.FileOf("password")),
            },
        };
        device.Start();

        File.Move(device.FileOf("password"), device.FileOf("away"));
        Message.Shown("est_no_password", device.Ensure("device-id", "device-9").Problem!.AsShown(), device.Names);
        File.Move(device.FileOf("away"), device.FileOf("password"));
        device.Advance(TimeSpan.FromSeconds(10));

        var answer = device.Ensure("device-id", "device-9");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => answer.Problem + "\n" + device.Events);
        Assert.That(device.Events.Await("issued", "device-id").Fields["credential"], Is.EqualTo("basic"));
    }

    [Test]
    public async Task The_name_of_the_wish_goes_to_the_est_identity_too()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();

        var answer = device.Ensure("device-id", "registration-1");

        Assert.That(PemText.Parse(answer.ChainPem!)[0].Subject, Is.EqualTo("CN=registration-1"));
        Assert.That(device.Current("est-id")!.Subject, Is.EqualTo("CN=registration-1"));
    }

    [Test]
    public async Task Rsa_keys_do_as_well()
    {
        await using var device = await TestDevice.CreateAsync();
        var rsa = TestDevice.By(IssuanceMethod.Est, "rsa-2048");
        device.Configuration = device.Configuration with
        {
            Issuance = new Dictionary<string, CertificateIssuance> { ["est-id"] = rsa, ["device-ca"] = rsa, ["device-id"] = TestDevice.By(IssuanceMethod.DeviceCa, "rsa-2048") },
        };
        device.Start();

        device.Provision();

        Assert.That(device.Current("device-id")!.KeyAlgorithm, Is.EqualTo("RSA 2048"));
        Assert.That(device.Current("est-id")!.KeyAlgorithm, Is.EqualTo("RSA 2048"));
    }

    [Test]
    public async Task Nothing_is_asked_for_that_nobody_wants()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Advance(TimeSpan.FromDays(1));
        Assert.That(device.Asked, Is.Empty);
        Assert.That(device.Keyd.Generated, Is.EqualTo(1), "the bootstrap key alone");
    }

    [Test]
    public async Task Without_bootstrap_and_est_identity_the_problem_says_what_to_do()
    {
        await using var device = await TestDevice.CreateAsync(bootstrap: false);
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { BootstrapIdentityCert = null, BootstrapIdentityPk = null },
        };
        device.Start();

        var answer = device.Ensure("device-id");

        Message.Shown("est_no_identity", answer.Problem!.AsShown(), device.Names);
    }

    [Test]
    public async Task A_provisioned_device_starts_without_a_word_to_the_est_server_and_serves_the_same()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var leaf = device.Provision();
        var asked = device.Asked.Count;

        device.Restart();
        var answer = device.Ensure("device-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Current));
        Assert.That(PemText.Parse(answer.ChainPem!)[0].RawData, Is.EqualTo(leaf.RawData));
        Assert.That(device.Asked, Has.Count.EqualTo(asked));
    }

    [Test]
    public async Task A_certificate_that_was_refused_is_dropped_with_its_key_and_asked_for_anew_not_at_once()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var first = device.Ensure("device-id");
        var spki = CertificateFacts.SpkiOf(PemText.Parse(first.ChainPem!)[0]);

        device.Requests.Refuse("device-id", spki, "DPS says 401", CancellationToken.None);
        var refused = device.Requests.Ensure("device-id", "device-id", null, TimeSpan.Zero, true, CancellationToken.None);

        Assert.That(refused.State, Is.EqualTo(CredentialState.Pending));
        Message.Shown("credential_refused", refused.Problem!.AsShown());
        Assert.That(device.Keyd.Count("device-id"), Is.Zero);

        device.Advance(TimeSpan.FromMinutes(1));
        device.Events.Await("staged", "device-id", 2);
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_confirmation_is_idempotent_and_one_for_another_key_is_refused()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        var spki = CertificateFacts.SpkiOf(device.Provision());

        device.Requests.Confirm("device-id", spki, CancellationToken.None);

        var other = CertificateFacts.SpkiOf([1, 2, 3]);
        Assert.That(() => device.Requests.Confirm("device-id", other, CancellationToken.None),
            Throws.TypeOf<Platform.ProblemException>().With.Property("Code").EqualTo("not_staged"));
    }

    [Test]
    public async Task Another_name_gets_another_certificate_while_the_old_one_stays_in_use()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Ensure("device-id", "one");
        var first = PemText.Parse(device.Ensure("device-id", "one").ChainPem!)[0];
        device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(first), CancellationToken.None);

        device.Ensure("device-id", "two");
        device.Events.Await("staged", "device-id", 2);

        Assert.That(device.Served("device-id").Subject, Is.EqualTo("CN=one"));
        var staged = device.Ensure("device-id", "two");
        Assert.That(staged.State, Is.EqualTo(CredentialState.Staged));
        Assert.That(PemText.Parse(staged.ChainPem!)[0].Subject, Is.EqualTo("CN=two"));
    }

    internal static CertdConfiguration WithLocalMint(CertdConfiguration configuration) => configuration with
    {
        Issuance = new Dictionary<string, CertificateIssuance>
        {
            ["device-ca"] = TestDevice.By(IssuanceMethod.Est),
            ["device-id"] = TestDevice.By(IssuanceMethod.DeviceCa),
            ["module-server"] = TestDevice.By(IssuanceMethod.DeviceCa),
        },
    };

    internal static CertdConfiguration WithPreloadedIdentity(TestDevice device) => device.Configuration with
    {
        PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-id"] = TestDevice.At(device.FileOf("est-id.pem")) },
    };
}
