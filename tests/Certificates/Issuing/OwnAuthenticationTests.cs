using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration.Certd;
using EstProv.Simulator.Est;
using EstProv.Simulator.Recording;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>Two realms on one device: certificates with an authentication and a URL of their own.</summary>
public sealed class OwnAuthenticationTests
{
    private static EstOptions Passwords(EstRequirement require) => new() { BasicUsers = new Dictionary<string, string> { ["plant"] = "one", ["tenant"] = "two" }, Require = require };

    [Test]
    public async Task Each_certificate_shows_its_own_identity_which_its_own_bootstrap_certificate_brought()
    {
        await using var device = await TestDevice.CreateAsync();
        device.MakeBootstrap("tenant-bootstrap", "tenant.cer", "CN=tenant-1");
        device.PreloadFile("tenant-bootstrap", "tenant.cer");
        device.Issue(("agent", Tenant(device)), ("tenant-id", TestDevice.By(IssuanceMethod.Est) with { Url = Url(device, "est-id") }));
        device.Start();

        device.Provision();
        var agent = device.Ensure("agent", "agent-1", provesItself: false);

        Assert.That(PemText.Parse(agent.ChainPem!)[0].Subject, Is.EqualTo("CN=agent-1"));
        Assert.That(ShownAt(device, "simpleenroll"), Is.EqualTo(new[]
        {
            "est-id CN=device-1", "device-id CN=device-1", "est-id CN=tenant-1", "device-id CN=tenant-1",
        }));
        Assert.That(device.Served("tenant-id").Subject, Is.EqualTo("CN=tenant-1"), "named after its own bootstrap certificate");
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-1"));
    }

    [Test]
    public async Task Both_identities_renew_themselves_and_keep_working_beside_each_other()
    {
        await using var device = await TestDevice.CreateAsync();
        device.MakeBootstrap("tenant-bootstrap", "tenant.cer", "CN=tenant-1");
        device.PreloadFile("tenant-bootstrap", "tenant.cer");
        device.Issue(("agent", Tenant(device)), ("tenant-id", TestDevice.By(IssuanceMethod.Est) with { Url = Url(device, "est-id") }));
        device.Start();
        device.Provision();
        device.Ensure("agent", "agent-1", provesItself: false);
        var (plant, tenant) = (device.Current("est-id")!.Spki, device.Current("tenant-id")!.Spki);

        device.Advance(TimeSpan.FromDays(70));

        Assert.That(ShownAt(device, "simplereenroll"), Is.EquivalentTo(new[] { "est-id CN=device-1", "est-id CN=tenant-1" }));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(plant));
        Assert.That(device.Current("tenant-id")!.Spki, Is.Not.EqualTo(tenant));
        Assert.That(device.Events.Count("issued", "agent"), Is.EqualTo(2));
        Assert.That(device.Identities.Count, Is.LessThanOrEqualTo(2), "what was shown before is closed");
    }

    [Test]
    public async Task A_certificate_may_be_its_own_identity()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Issue(("device-id", TestDevice.By(IssuanceMethod.Est) with
        {
            Url = Url(device, "est-id"),
            Auth = new EstAccess { Position = Here, IdentityCert = "device-id", IdentityPk = "device-id", BootstrapIdentityCert = "bootstrap", BootstrapIdentityPk = "bootstrap" },
        }));
        device.Start();
        device.Provision();
        device.Advance(TimeSpan.FromDays(70));
        device.Provision();
        Assert.That(ShownAt(device, "simpleenroll"), Is.EqualTo(new[] { "est-id CN=device-1" }), "no other identity is asked for");
        Assert.That(ShownAt(device, "simplereenroll"), Is.EqualTo(new[] { "est-id CN=device-1" }));
    }

    [Test]
    public async Task Each_certificate_sends_its_own_user_name_and_password_alone()
    {
        await using var device = await TestDevice.CreateAsync(Passwords(EstRequirement.Basic));
        File.WriteAllText(device.FileOf("one"), "one\n");
        File.WriteAllText(device.FileOf("two"), "two\n");
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { Method = EstAuthentication.Basic, Username = "plant", PasswordFile = TestDevice.At(device.FileOf("one")) },
        };
        device.Issue(("agent", TestDevice.By(IssuanceMethod.Est) with { Auth = User(device, "tenant", "two") }), ("module-id", TestDevice.By(IssuanceMethod.Est) with { Auth = User(device, "tenant", "two") }));
        device.Start();

        device.Provision();
        device.Ensure("agent", "agent-1", provesItself: false);
        device.Issuer.Issue("module-id", Csr.Make("CN=module").Pem, null, CancellationToken.None);

        Assert.That(Admitted(device), Is.EqualTo(new[] { "device-id basic plant", "default basic tenant", "default basic tenant" }));
    }

    [Test]
    public async Task A_password_goes_beside_the_identity_where_the_table_has_both()
    {
        await using var device = await TestDevice.CreateAsync(Passwords(EstRequirement.Both));
        File.WriteAllText(device.FileOf("one"), "one\n");
        File.WriteAllText(device.FileOf("two"), "two\n");
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { Username = "plant", PasswordFile = TestDevice.At(device.FileOf("one")) } };
        device.Issue(("agent", TestDevice.By(IssuanceMethod.Est) with
        {
            Url = Url(device, "device-id"),
            Auth = User(device, "tenant", "two") with { IdentityCert = "est-id", IdentityPk = "est-id" },
        }));
        device.Start();

        device.Provision();
        device.Ensure("agent", "agent-1", provesItself: false);

        Assert.That(Admitted(device).Select(line => line[(line.IndexOf("basic", StringComparison.Ordinal))..]), Is.EqualTo(new[] { "basic plant", "basic plant", "basic tenant" }));
    }

    private static readonly EstProv.Configuration.Position Here = TestDevice.At(0).Position;

    private static CertificateIssuance Tenant(TestDevice device) => TestDevice.By(IssuanceMethod.Est) with
    {
        Url = Url(device, "device-id"),
        Auth = new EstAccess
        {
            Position = Here,
            IdentityCert = "tenant-id",
            IdentityPk = "tenant-id",
            BootstrapIdentityCert = "tenant-bootstrap",
            BootstrapIdentityPk = "tenant-bootstrap",
        },
    };

    private static EstAccess User(TestDevice device, string name, string file) => new() { Position = Here, Username = name, PasswordFile = TestDevice.At(device.FileOf(file)) };

    private static EstProv.Configuration.Positioned<Uri> Url(TestDevice device, string label) => TestDevice.At(new Uri($"{device.Base}/{label}"));

    private static string[] ShownAt(TestDevice device, string operation) =>
        [.. device.Simulator.Recorder.Requests().Where(request => request.Route == operation && request.Status == 200).Select(request => $"{request.Label} {request.Client}")];

    private static string[] Admitted(TestDevice device) => [.. device.Simulator.Recorder.Requests().Where(IsEnrolment).Select(request => $"{request.Label ?? "default"} {request.Credential}")];

    private static bool IsEnrolment(RequestRecord request) => request is { Route: "simpleenroll" or "simplereenroll", Status: 200 };
}
