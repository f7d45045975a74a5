using System.Security.Cryptography;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Engine;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Messages;
using EstProv.Platform;
using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Distrust;

/// <summary>A CA that is distrusted: everything under it is replaced, in time and not at once, and the device stays what it is meanwhile.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class DistrustTests
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly Dictionary<string, EstLabel> _labels = new(EstOptions.DefaultLabels);

    [Test]
    public async Task What_is_under_it_is_replaced_within_the_time_given_and_the_old_certificate_is_served_until_the_new_one_is_proved()
    {
        await using var device = await ProvisionedAsync();
        var (identity, own) = (device.Current("est-id")!, device.Current("device-id")!);
        MoveTo(EstIssuerName.DeviceIdentity);

        var answer = device.Distrusts.Distrust(Named(device.Simulator.Pki.Identity), Day, force: false, "a test", CancellationToken.None);

        Assert.That(answer.Certificates.Select(found => found.Id), Is.EqualTo(new[] { "est-id" }), "the device identity has another issuer");
        Assert.That(answer.Certificates[0].From, Is.InRange(device.Time.GetUtcNow(), device.Time.GetUtcNow() + Day));
        while (device.Time.GetUtcNow() < answer.Certificates[0].From!.Value - TimeSpan.FromMinutes(10)) device.Advance(TimeSpan.FromMinutes(5));
        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(identity.Spki), "not before its turn");
        device.Advance(TimeSpan.FromMinutes(15));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(identity.Spki));
        Assert.That(device.Served("est-id").Issuer, Is.EqualTo(device.Simulator.Pki.DeviceIdentity.Certificate.Subject));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(own.Spki));
        for (var i = 0; i < 50; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2), "once");
        Assert.That(device.Distrusts.Answer().Certificates, Is.Empty);
    }

    [Test]
    public async Task A_root_reaches_everything_below_it_although_stored_chains_leave_it_out()
    {
        await using var device = await ProvisionedAsync();
        var root = device.Simulator.Pki.IdentityRoot;
        Assert.That(device.Distrusts.Distrust(IssuerName.Parse(root.Certificate.Subject)!, Day, force: false, "a test", CancellationToken.None).Certificates.Select(found => found.Id),
            Is.EqualTo(new[] { "device-id", "est-id" }), "by its name, which the chain's last certificate has as its issuer");
    }

    [Test]
    public async Task A_root_that_is_only_a_fingerprint_is_found_where_its_certificate_is_at_hand()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { Labels = _labels });
        var root = device.Simulator.Pki.IdentityRoot;
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["root"] = TestDevice.At(device.Simulator.Pki.CertificatePath(root)) },
        };
        device.Start();
        device.Provision();
        var fingerprint = IssuerName.Parse(Convert.ToHexString(SHA256.HashData(root.Certificate.RawData)))!;
        Assert.That(device.Distrusts.Distrust(fingerprint, Day, force: false, "a test", CancellationToken.None).Certificates, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Each_has_its_own_turn_which_stays_the_same_over_restarts_and_is_not_before_long_off()
    {
        await using var device = await ProvisionedAsync();
        device.Distrusts.Distrust(IssuerName.Parse(device.Simulator.Pki.IdentityRoot.Certificate.Subject)!, 30 * Day, force: false, "a test", CancellationToken.None);
        var before = device.Distrusts.Answer().Certificates;

        device.Restart();

        var after = device.Distrusts.Answer().Certificates;
        Assert.That(after, Is.EqualTo(before));
        Assert.That(before[0].From, Is.Not.EqualTo(before[1].From));
    }

    [Test]
    public async Task A_server_that_goes_on_issuing_under_it_is_told_of_and_not_asked_in_a_loop_and_the_device_loses_nothing()
    {
        await using var device = await ProvisionedAsync();
        var identity = device.Current("est-id")!;
        device.Distrusts.Distrust(Named(device.Simulator.Pki.Identity), TimeSpan.FromHours(1), force: false, "a test", CancellationToken.None);
        for (var hour = 0; hour < 7 * 24; hour++) device.Advance(TimeSpan.FromHours(1));

        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(identity.Spki));
        Message.Shown("issuer_distrusted",
            device.Engine.Table.FindLocked("est-id")!.Problem!.AsShown(), (Named(device.Simulator.Pki.Identity).ToString(), "spki:SHA256"));
        Assert.That(device.Events.Count("failed", "est-id"), Is.LessThan(20));
        MoveTo(EstIssuerName.DeviceIdentity);
        for (var hour = 0; hour < 30; hour++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(identity.Spki), "it heals by itself");
    }

    [Test]
    public async Task When_the_old_one_has_expired_what_is_under_it_is_better_than_nothing()
    {
        await using var device = await ProvisionedAsync();
        device.Distrusts.Distrust(Named(device.Simulator.Pki.Identity), TimeSpan.FromHours(1), force: false, "a test", CancellationToken.None);
        for (var day = 0; day < 91; day++) device.Advance(Day);

        Assert.That(device.Current("est-id")!.TakenAllTheSame, Is.True);
        Assert.That(device.Current("est-id")!.NotAfter, Is.GreaterThan(device.Time.GetUtcNow()));
        var issued = device.Events.Count("issued", "est-id");
        for (var i = 0; i < 48; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(issued), "and then it has its ordinary life");
    }

    [Test]
    public async Task Its_key_is_replaced_although_keys_are_to_stay()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { Labels = _labels });
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { Renewal = new RenewalSettings { RotateKey = false } } };
        device.Start();
        device.Provision();
        device.AwaitIdle();
        var before = device.Current("est-id")!;
        MoveTo(EstIssuerName.DeviceIdentity);
        device.Distrusts.Distrust(Named(device.Simulator.Pki.Identity), TimeSpan.FromMinutes(1), force: false, "a test", CancellationToken.None);
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before.Spki));
    }

    [Test]
    public async Task A_device_ca_under_it_is_replaced_first_and_mints_anew_then()
    {
        await using var device = await TestDevice.CreateAsync(new EstOptions { Labels = _labels });
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        device.Start();
        device.Provision();
        device.AwaitIdle();
        var minted = device.Current("device-id")!;
        _labels["device-ca"] = _labels["device-ca"] with { Issuer = EstIssuerName.Identity };
        // That one signs end entities only; the root of both signs the device CA then.
        device.Distrusts.Distrust(Named(device.Simulator.Pki.DeviceIdentity), TimeSpan.FromHours(1), force: false, "a test", CancellationToken.None);
        Assert.That(device.Distrusts.Answer().Certificates.Select(found => found.Id), Is.EqualTo(new[] { "device-ca" }), "what it has minted follows it");
        for (var i = 0; i < 6; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(minted.Spki), "nothing is minted anew before there is another device CA");
    }

    [Test]
    public async Task No_server_is_verified_by_it_any_more()
    {
        await using var device = await ProvisionedAsync();
        device.Distrusts.Distrust(Named(device.Simulator.Pki.EstServer), Day, force: true, "a test", CancellationToken.None);

        var problem = Assert.Throws<ProblemException>(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None))!;

        Message.Shown("est_no_trust-distrusted", problem, device.Names);
        device.Distrusts.Undo(Named(device.Simulator.Pki.EstServer), "a test");
        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None), Throws.Nothing);
    }

    [Test]
    public async Task A_server_whose_path_runs_through_it_is_refused_although_its_root_is_trusted()
    {
        await using var device = await ProvisionedAsync();
        var other = device.Simulator.Pki.CloudServer;
        var cross = device.CrossSign(device.Simulator.Pki.EstServer.Certificate, other);
        await File.WriteAllTextAsync(device.FileOf("anchors.pem"), PemText.Of([device.Simulator.Pki.EstServer.Certificate, cross, other.Certificate]));
        device.Stop();
        device.Configuration = device.Configuration with
        {
            PreloadedFiles = new Dictionary<string, Positioned<string>>(device.Configuration.PreloadedFiles) { ["est-ca"] = TestDevice.At(device.FileOf("anchors.pem")) },
        };
        device.Start();
        device.AwaitIdle();
        Assert.That(Assert.Throws<ProblemException>(() => device.Distrusts.Distrust(Named(device.Simulator.Pki.EstServer), Day, force: false, "a test", CancellationToken.None))!.Code,
            Is.EqualTo("distrust_locks_out"));
    }

    [Test]
    public async Task What_would_lock_the_device_out_is_not_done_without_force()
    {
        await using var device = await ProvisionedAsync();

        var problem = Assert.Throws<ProblemException>(() => device.Distrusts.Distrust(Named(device.Simulator.Pki.EstServer), Day, force: false, "a test", CancellationToken.None))!;

        Assert.That(problem.Code, Is.EqualTo("distrust_locks_out"));
        Assert.That(problem.Message, Does.Contain("localhost"));
        Assert.That(problem.Hint, Does.Contain("--force"));
        Assert.That(device.Parts.Distrusted!.IsEmpty, Is.True);
        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None), Throws.Nothing);
    }

    [Test]
    public async Task A_server_that_cannot_be_asked_is_told_of()
    {
        await using var device = await ProvisionedAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        var answer = device.Distrusts.Distrust(IssuerName.Parse("CN=Somebody else")!, Day, force: false, "a test", CancellationToken.None);
        Assert.That(answer.Unknown, Has.Count.EqualTo(1));
        Assert.That(answer.Certificates, Is.Empty);
    }

    [Test]
    public async Task What_the_configuration_distrusts_begins_at_the_first_start_that_sees_it_and_ends_when_it_goes()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Configuration = device.Configuration with { Distrusted = [Named(device.Simulator.Pki.Identity)], DistrustSpread = 10 * Day };
        device.Start();
        device.AwaitIdle();
        var turn = device.Distrusts.Answer().Certificates.Single(found => found.Id == "est-id").From;
        device.Stop();
        device.Time.Advance(TimeSpan.FromHours(1));
        device.Start();
        Assert.That(device.Distrusts.Answer().Certificates.Single(found => found.Id == "est-id").From, Is.EqualTo(turn), "the second start does not begin anew");
        var name = Named(device.Simulator.Pki.Identity);
        Message.Shown("distrust_configured",
            Assert.Throws<ProblemException>(() => device.Distrusts.Undo(name, "a test"))!, (name.ToString(), "spki:SHA256"));

        device.Stop();
        device.Configuration = device.Configuration with { Distrusted = [] };
        device.Start();
        Assert.That(device.Distrusts.Answer().Entries, Is.Empty);
    }

    [Test]
    public async Task A_clock_that_was_wrong_when_it_was_said_neither_stops_nor_hurries_it()
    {
        await using var device = await ProvisionedAsync();
        var real = device.Time.GetUtcNow();
        device.Time.SetClock(real.AddYears(20));
        device.Distrusts.Distrust(Named(device.Simulator.Pki.DeviceIdentity), Day, force: false, "a test", CancellationToken.None);
        device.Time.SetClock(real);
        device.Advance(TimeSpan.FromMinutes(6));

        Assert.That(device.Distrusts.Answer().Certificates.Single().From, Is.InRange(real, real + Day + TimeSpan.FromMinutes(10)));
        device.Restart();
        Assert.That(device.Distrusts.Answer().Certificates.Single().From, Is.InRange(real, real + Day + TimeSpan.FromMinutes(10)));
    }

    [Test]
    public async Task A_list_that_is_torn_does_not_keep_the_service_from_starting()
    {
        await using var device = await ProvisionedAsync();
        device.Distrusts.Distrust(Named(device.Simulator.Pki.Identity), Day, force: false, "a test", CancellationToken.None);
        device.Stop();
        var file = Path.Combine(device.Configuration.HomedirPath, "distrusted");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file))[..30]);
        var log = new ListLog();
        device.Log = log;
        Assert.That(() => device.Start(), Throws.Nothing);
        var problem = Assert.Throws<ProblemException>(() => DistrustFile.Read(file, File.ReadAllText(file)))!;
        Message.Shown("store_damaged-distrusted", problem, device.Names);
        Assert.That(log.Lines, Has.Some.EqualTo(problem.ToLogText()));
    }

    [Test]
    public async Task No_more_cas_than_fit_are_distrusted()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        for (var number = 0; number < 64; number++) Distrust(number);
        Message.Shown("distrust_too_many", Assert.Throws<ProblemException>(() => Distrust(64))!);
        device.Distrusts.Undo(IssuerName.Parse("CN=CA 0")!, "a test");
        Assert.That(() => Distrust(64), Throws.Nothing);

        void Distrust(int number) => device.Distrusts.Distrust(
            IssuerName.Parse($"CN=CA {number}")!, Day, force: false, "a test", CancellationToken.None);
    }

    private Task<TestDevice> ProvisionedAsync() => DeviceAsync(new EstOptions { Labels = _labels });

    private static async Task<TestDevice> DeviceAsync(EstOptions options)
    {
        var device = await TestDevice.CreateAsync(options);
        device.Start();
        device.Provision();
        device.AwaitIdle();
        return device;
    }

    /// <summary>The EST server's operator lets another CA issue EST identities.</summary>
    private void MoveTo(EstIssuerName issuer) => _labels["est-id"] = _labels["est-id"] with { Issuer = issuer };

    private static IssuerName Named(EstProv.Simulator.Pki.Authority authority) =>
        IssuerName.Parse("spki:" + Convert.ToHexString(SHA256.HashData(authority.Certificate.PublicKey.ExportSubjectPublicKeyInfo())))!;
}
