using EstProv.Certificates.Client;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform.Time;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Certificates.Tests.Engine;

public sealed class RenewalTests
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    [Test]
    public async Task The_est_identity_renews_itself_with_a_new_key_in_its_window_and_the_old_key_goes_after_the_first_use()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Current("est-id")!;

        device.Advance(0.34 * Life);
        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before.Spki));
        device.Advance(0.42 * Life);

        var after = device.Current("est-id")!;
        Assert.That(after.Spki, Is.Not.EqualTo(before.Spki));
        Assert.That(after.Subject, Is.EqualTo(before.Subject));
        Assert.That(after.Credential, Is.EqualTo("est-id"));
        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1), "the first issue's alone");
        Assert.That(device.Keyd.CurrentSpki("est-id"), Is.EqualTo(after.SpkiHash));
        device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None);
        Assert.That(device.Keyd.Count("est-id"), Is.EqualTo(1));
    }

    [Test]
    [Description("te#3541: the new certificate is proved before it replaces the old one")]
    public async Task A_renewed_device_identity_waits_for_its_user_and_the_old_one_stays_in_use()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Served("device-id");

        device.Advance(0.81 * Life);

        var staged = device.Ensure("device-id");
        Assert.That(staged.State, Is.EqualTo(CredentialState.Staged));
        Assert.That(device.Served("device-id").RawData, Is.EqualTo(before.RawData));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(2));
        var after = PemText.Parse(staged.ChainPem!)[0];
        device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(after), CancellationToken.None);
        Assert.That(device.Served("device-id").RawData, Is.EqualTo(after.RawData));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1), "it was used for real: the old key is gone");
    }

    [Test]
    public async Task A_renewal_that_nobody_could_prove_is_taken_when_the_old_one_expires()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Current("device-id")!;
        device.Advance(0.81 * Life);
        Assert.That(device.Current("device-id")!.Spki, Is.EqualTo(before.Spki));

        device.Advance(0.2 * Life);

        Assert.That(device.Current("device-id")!.Spki, Is.Not.EqualTo(before.Spki));
    }

    [Test]
    public async Task A_first_certificate_that_nobody_proved_before_it_expired_makes_room_for_another()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        device.Ensure("device-id");
        device.AwaitIdle();
        for (var day = 0; day < 91; day++) device.Advance(TimeSpan.FromDays(1));

        Assert.That(device.Events.Count("staged", "device-id"), Is.EqualTo(2));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
        device.Provision();
    }

    [Test]
    [Description("iis#300, ie#5787: one try at expiry is useless for devices with bad links")]
    public async Task An_outage_changes_nothing_until_it_is_over_and_tries_come_closer_as_the_end_nears()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Current("est-id")!.Spki;
        var fault = device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        for (var day = 0; day < 89; day++) device.Advance(TimeSpan.FromDays(1));

        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
        Assert.That(device.Events.Count("failed", "est-id"), Is.GreaterThan(15));
        device.Simulator.Faults.Remove(fault);
        device.Advance(TimeSpan.FromHours(7));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before));
    }

    [Test]
    [Description("smallstep/certificates#177, #616: machines sleep for months; PelionIoT/meta-mbl#718: a certificate of 90 days expired, and the device was lost")]
    public async Task A_device_that_slept_past_expiry_comes_back_with_its_bootstrap_identity()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Time.Advance(TimeSpan.FromDays(200));

        device.Start();
        device.Events.Await("committed", "est-id", 2);
        device.Events.Await("committed", "device-id", 2);

        Assert.That(device.Events.All.Last(seen => seen.Kind == "bootstrap").Fields["reason"], Is.EqualTo("the EST identity has expired"));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current), "there was nothing to lose by taking it unproved");
    }

    [Test]
    public async Task What_was_kept_of_an_identity_that_was_never_of_use_goes_with_it()
    {
        await using var device = await ProvisionedAsync();
        device.Configuration = device.Configuration with { Issuance = new Dictionary<string, CertificateIssuance>() };
        device.Restart();
        device.Advance(0.76 * Life);
        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.True);

        device.Time.Advance(TimeSpan.FromDays(200));
        device.Events.Await("committed", "est-id", 3);
        device.AwaitIdle();

        Assert.That(File.Exists(device.StoreFile("est-id.previous")), Is.False);
    }

    [Test]
    public async Task With_first_issue_the_bootstrap_identity_is_not_used_again()
    {
        await using var device = await ProvisionedAsync(BootstrapUse.FirstIssue);
        device.Advance(TimeSpan.FromDays(91));
        for (var i = 0; i < 10; i++) device.Advance(TimeSpan.FromHours(1));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_server_that_refuses_the_est_identity_does_not_open_the_way_back()
    {
        await using var device = await ProvisionedAsync();
        Refuse(device);
        for (var i = 0; i < 80; i++) device.Advance(TimeSpan.FromDays(1));
        Assert.That(device.Events.Count("failed", "est-id"), Is.GreaterThan(3));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1));
    }

    [Test]
    public async Task With_always_it_does()
    {
        await using var device = await ProvisionedAsync(BootstrapUse.Always);
        var before = device.Current("est-id")!.Spki;
        Refuse(device);
        for (var i = 0; i < 75; i++) device.Advance(TimeSpan.FromDays(1));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.GreaterThan(1));
        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before));
    }

    [Test]
    public async Task A_lost_key_is_noticed_and_the_certificate_is_not_served_without_it()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Keyd.Lose("device-id");
        device.Start();

        var answer = device.Ensure("device-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        device.Requests.Confirm("device-id", CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]), CancellationToken.None);
        Assert.That(device.Keyd.FindKeyPair("device-id", device.Current("device-id")!.SpkiHash), Is.Not.Null);
    }

    [Test]
    public async Task A_device_identitys_key_that_goes_while_we_run_is_noticed_when_it_is_asked_for()
    {
        await using var device = await ProvisionedAsync();
        device.Keyd.Lose("device-id");
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        device.Provision();
        Assert.That(device.Keyd.FindKeyPair("device-id", device.Current("device-id")!.SpkiHash), Is.Not.Null);
    }

    [Test]
    public async Task A_device_cas_key_that_goes_while_we_run_is_noticed_when_it_fails_to_sign()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Configuration = ProvisioningTests.WithLocalMint(device.Configuration);
        device.Start();
        device.Provision();
        device.Keyd.Lose("device-ca");

        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None),
            Throws.TypeOf<Platform.ProblemException>().With.Property("Code").EqualTo("key_not_found"));
        device.Events.Await("committed", "device-ca", 2);

        Assert.That(() => device.Issuer.Issue("module-server", Csr.Make("CN=server").Pem, null, CancellationToken.None), Throws.Nothing);
    }

    [Test]
    public async Task What_is_staged_from_where_it_is_no_longer_to_come_from_is_dropped_at_the_next_start()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
        device.Stop();
        device.Configuration = device.Configuration with
        {
            Est = device.Configuration.Est! with { Urls = new Dictionary<string, Positioned<Uri>>(device.Configuration.Est!.Urls) { ["device-id"] = TestDevice.At(new Uri(device.Base)) } },
        };
        device.Start();

        var answer = device.Ensure("device-id");

        Assert.That(answer.State, Is.EqualTo(CredentialState.Staged), () => device.Events.ToString());
        Assert.That(device.Events.All.Last(seen => seen is { Kind: "issued", Id: "device-id" }).Fields["url"], Is.EqualTo(device.Base));
        Assert.That(device.Keyd.Count("device-id"), Is.EqualTo(1));
    }

    [Test]
    public async Task An_est_identity_without_its_key_comes_again_by_bootstrap()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Keyd.Lose("est-id");
        device.Start();
        device.Events.Await("committed", "est-id", 2);

        Assert.That(device.Events.All.Last(seen => seen.Kind == "bootstrap").Fields["reason"], Is.EqualTo("the EST identity's key is gone"));
        Assert.That(device.Keyd.FindKeyPair("est-id", device.Current("est-id")!.SpkiHash), Is.Not.Null);
    }

    [Test]
    public async Task With_first_issue_an_est_identity_without_its_key_is_a_problem_for_the_operator()
    {
        await using var device = await ProvisionedAsync(BootstrapUse.FirstIssue);
        device.Stop();
        device.Keyd.Lose("est-id");
        device.Start();
        Assert.That(device.Ensure("est-id").Problem!.Code, Is.EqualTo("key_not_found"));
        Assert.That(device.Events.Count("bootstrap", "bootstrap"), Is.EqualTo(1));
    }

    [Test]
    public async Task Another_configured_name_is_asked_for_once_and_not_in_a_loop()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Configuration = Named(device.Configuration, "renamed");
        device.Start();
        device.Events.Await("committed", "est-id", 2);
        for (var i = 0; i < 30; i++) device.Advance(TimeSpan.FromMinutes(10));

        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=renamed"));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(2));
        device.Advance(0.81 * Life);
        Assert.That(device.Asked, Has.Some.EqualTo("simplereenroll/est-id 200"));
    }

    [Test]
    public async Task A_name_that_the_server_does_not_like_does_not_keep_the_device_from_renewing()
    {
        await using var device = await ProvisionedAsync();
        device.Stop();
        device.Configuration = Named(device.Configuration, "renamed");
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Label = "est-id", Route = "simpleenroll", Status = 403 });
        var before = device.Current("est-id")!.Spki;
        device.Start();
        for (var i = 0; i < 90; i++) device.Advance(TimeSpan.FromDays(1));

        Assert.That(device.Current("est-id")!.Spki, Is.Not.EqualTo(before));
        Assert.That(device.Served("est-id").Subject, Is.EqualTo("CN=device-1"));
    }

    internal static CertdConfiguration Named(CertdConfiguration configuration, string name) => configuration with
    {
        Issuance = new Dictionary<string, CertificateIssuance>(configuration.Issuance) { ["est-id"] = TestDevice.By(IssuanceMethod.Est, name: name) },
    };

    [Test]
    public async Task A_busy_servers_wish_is_obeyed_by_renewals_too()
    {
        await using var device = await ProvisionedAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Status = 503, RetryAfter = 7200, Count = 1 });
        device.Advance(0.81 * Life);
        Assert.That(double.Parse(device.Events.All.First(seen => seen.Kind == "failed").Fields["retrySeconds"]!), Is.InRange(7200, 14400));
    }

    [Test]
    [Description("ie#6933: a clock jump or a suspended device skips the window")]
    public async Task A_clock_that_was_set_makes_waiting_attempts_due()
    {
        await using var device = await ProvisionedAsync();
        device.Simulator.AddFault(new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est });
        device.Advance(0.83 * Life);
        for (var i = 0; i < 24; i++) device.Advance(TimeSpan.FromHours(1));
        var failures = device.Events.Count("failed", "est-id");
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Events.Count("failed", "est-id"), Is.EqualTo(failures), "the next attempt is hours away");

        device.Time.SetClock(device.Time.GetUtcNow() - TimeSpan.FromDays(2));
        device.Advance(TimeSpan.FromMinutes(6));
        Assert.That(device.Events.Count("failed", "est-id"), Is.EqualTo(failures + 1));
    }

    [Test]
    public async Task A_clock_in_the_far_future_does_no_harm()
    {
        await using var device = await ProvisionedAsync();
        var before = device.Current("est-id")!.Spki;
        device.Time.SetClock(new DateTimeOffset(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
        device.Advance(TimeSpan.FromMinutes(6));
        for (var i = 0; i < 5; i++) device.Advance(TimeSpan.FromMinutes(40));

        Assert.That(device.Current("est-id")!.Spki, Is.EqualTo(before));
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current), "it serves what it has");
    }

    [Test]
    [Description("ie#1815: no RTC at boot")]
    public async Task A_clock_in_1970_provisions_all_the_same()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Time.SetClock(DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(9));
        device.Start();

        device.Provision();

        device.Advance(TimeSpan.FromHours(3));
        Assert.That(device.Events.Count("issued", "est-id"), Is.EqualTo(1), "nothing is renewed by such a clock");
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Current));
    }

    [Test]
    public async Task A_clock_in_1970_and_a_certificate_that_has_ended_do_not_make_it_look_at_the_clock_all_the_time()
    {
        await using var device = await ProvisionedAsync();
        device.Advance(0.81 * Life);
        Assert.That(device.Ensure("device-id").State, Is.EqualTo(CredentialState.Staged));
        device.Stop();
        device.BuildTime = device.Current("device-id")!.NotAfter + TimeSpan.FromDays(1);
        device.Time.SetClock(DateTimeOffset.UnixEpoch);
        device.Start();
        device.AwaitIdle();

        var before = device.Time.Timers;
        for (var i = 0; i < 40; i++) device.Advance(TimeSpan.FromMilliseconds(5));

        Assert.That(device.Time.Timers - before, Is.LessThan(20));
    }

    [Test]
    public async Task A_timer_that_goes_off_before_the_clock_says_so_ends_a_wait_all_the_same()
    {
        await using var device = await TestDevice.CreateAsync();
        device.Start();
        using var engine = new Certificates.Engine.CredentialEngine(device.Parts with { Clock = new BelievedClock(new StandingTime(), default) }, NullLogger.Instance);
        var waiter = Task.Run(() => engine.WaitUntil(TimeSpan.FromMilliseconds(20), () => false, CancellationToken.None));
        Assert.That(() => waiter.IsCompleted, Is.True.After(10_000, 10));
    }

    /// <summary>Its timers go off, its clock stands still.</summary>
    private sealed class StandingTime : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }

    [Test]
    [Description("smallstep/certificates#676: a daemon renews every few seconds in a loop")]
    public async Task Certificates_of_short_life_are_not_renewed_in_a_loop()
    {
        var labels = new Dictionary<string, EstProv.Simulator.Est.EstLabel>(EstProv.Simulator.Est.EstOptions.DefaultLabels)
        {
            ["est-id"] = new() { Profile = EstProv.Simulator.Est.EstProfile.Client, Issuer = EstProv.Simulator.Est.EstIssuerName.Identity, Bootstrap = true, Validity = 60 },
        };
        await using var device = await TestDevice.CreateAsync(new EstProv.Simulator.Est.EstOptions { Labels = labels });
        device.Start();
        device.Ensure("est-id");

        for (var second = 0; second < 300; second++) device.Advance(TimeSpan.FromSeconds(1));

        Assert.That(device.Events.Count("issued", "est-id"), Is.InRange(7, 16));
        Assert.That(device.Events.Count("failed", "est-id"), Is.Zero);
    }

    internal static async Task<TestDevice> ProvisionedAsync(BootstrapUse use = BootstrapUse.Expired)
    {
        var device = await TestDevice.CreateAsync();
        device.Configuration = device.Configuration with { Est = device.Configuration.Est! with { BootstrapUse = use } };
        device.Start();
        device.Provision();
        device.AwaitIdle();
        return device;
    }

    private static void Refuse(TestDevice device) => device.Simulator.AddFault(
        new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Route = "simplereenroll", Status = 403 });
}
